// The HTTP side, with clients that behave and clients that don't.
#include "api/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/clock.h"
#include "tests/support/http_talk.h"

namespace penstock::api {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using tests::HttpReply;
using tests::HttpTalk;

constexpr std::string_view kGet = "GET /path HTTP/1.1\r\nHost: test\r\n\r\n";

HttpAnswer echo(std::string_view path) { return {HttpAnswer::Status::kOk, "text/plain", std::string(path)}; }

// A deadline that no test waits for, unless it is about it.
std::unique_ptr<HttpServer> serve(HttpLimits limits = {.deadline = 1h}, HttpServer::Answer answer = echo) {
  auto server = HttpServer::start({"127.0.0.1", 0}, limits, std::move(answer));
  if (!server) throw std::runtime_error(server.error().describe());
  return std::move(*server);
}

HttpReply ask(const HttpServer& server, std::string_view request) {
  HttpTalk talk(server.address().port);
  talk.send(request);
  return talk.read();
}

TEST(HttpServer, AnswersSeveralRequestsOverOneConnection) {
  const auto server = serve();
  HttpTalk talk(server->address().port);
  for (int round = 0; round < 2; ++round) {
    talk.send(kGet);
    const HttpReply reply = talk.read();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "/path");
    EXPECT_THAT(reply.head, HasSubstr("Content-Type: text/plain\r\n"));
  }
}

TEST(HttpServer, AnswersRequestsThatCameTogether) {
  const auto server = serve();
  HttpTalk talk(server->address().port);
  talk.send(std::string(kGet) + "GET /other?x=1 HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(talk.read().body, "/path");
  EXPECT_EQ(talk.read().body, "/other");
}

TEST(HttpServer, EndsTheConnectionWhereTheClientWishesIt) {
  const auto server = serve();
  HttpTalk talk(server->address().port);
  talk.send("GET /path HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(talk.read().status, 200);
  EXPECT_TRUE(talk.ends_within(20s));
}

TEST(HttpServer, AnswersHeadWithoutABody) {
  const auto server = serve();
  HttpTalk talk(server->address().port);
  talk.send("HEAD /path HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_THAT(talk.read_head().head, HasSubstr("Content-Length: 5\r\n"));
  talk.send(kGet);
  EXPECT_EQ(talk.read().body, "/path");
}

TEST(HttpServer, RefusesOtherMethods) {
  const auto server = serve();
  for (const std::string_view request :
       {"POST /path HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc",
        "DELETE /path HTTP/1.1\r\nHost: test\r\n\r\n", "BREW /path HTTP/1.1\r\nHost: test\r\n\r\n"}) {
    const HttpReply reply = ask(*server, request);
    EXPECT_EQ(reply.status, 405) << request;
    EXPECT_THAT(reply.head, HasSubstr("Allow: GET, HEAD\r\n"));
  }
}

TEST(HttpServer, TakesNoBody) {
  const auto server = serve();
  for (const std::string fields : {"Content-Length: 1", "Transfer-Encoding: chunked", "Content-Length: 99999999999"}) {
    const HttpReply reply = ask(*server, "GET /path HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n\r\n");
    EXPECT_EQ(reply.status, 413) << fields;
  }
}

TEST(HttpServer, AnswersAheadOfABodyThatItDoesNotRead) {
  const auto server = serve();
  const HttpReply reply =
      ask(*server, "POST /path HTTP/1.1\r\nHost: test\r\nContent-Length: 40000\r\n\r\n" + std::string(40'000, 'x'));
  EXPECT_EQ(reply.status, 405);
}

TEST(HttpServer, RefusesALongHeader) {
  const auto server = serve({.header_bytes = 1'000, .deadline = 1h});
  EXPECT_EQ(ask(*server, "GET /path HTTP/1.1\r\nX: " + std::string(800, 'x') + "\r\n\r\n").status, 200);
  EXPECT_EQ(ask(*server, "GET /path HTTP/1.1\r\nX: " + std::string(1'000, 'x') + "\r\n\r\n").status, 431);
  EXPECT_EQ(ask(*server, "GET /" + std::string(50'000, 'x')).status, 431);
}

TEST(HttpServer, RefusesWhatIsNoHttp) {
  const auto server = serve();
  EXPECT_EQ(ask(*server, "\x16\x03\x01 hello\r\n\r\n").status, 400);
}

TEST(HttpServer, EndsAConnectionWhoseRequestTakesTooLong) {
  const auto server = serve({.deadline = 100ms});
  HttpTalk talk(server->address().port);
  talk.send("GET /path HTTP/1.1\r\nX: ");
  // Each byte comes well within the deadline; the request never does.
  const auto patience = Deadline::in(20s);
  while (!talk.ends_within(10ms) && !patience.expired()) talk.send("x");
  EXPECT_FALSE(patience.expired());
}

TEST(HttpServer, EndsAConnectionThatRests) {
  const auto server = serve({.deadline = 100ms});
  HttpTalk talk(server->address().port);
  talk.send(kGet);
  EXPECT_EQ(talk.read().status, 200);
  EXPECT_TRUE(talk.ends_within(20s));
}

TEST(HttpServer, LetsAConnectionBeyondTheLimitWaitWhileAllAreAnswered) {
  const std::string large(32 << 20, 'x');
  const auto server = serve({.connections = 2, .deadline = 1h},
                            [&](std::string_view path) { return echo(path == "/large" ? large : path); });
  auto first = std::make_unique<HttpTalk>(server->address().port);
  HttpTalk second(server->address().port);
  for (HttpTalk* talk : {first.get(), &second}) {
    talk->send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(talk->read_head().status, 200);
  }
  HttpTalk third(server->address().port);
  third.send(kGet);
  EXPECT_EQ(third.read(200ms).status, 0);
  first.reset();
  EXPECT_EQ(third.read().status, 200);
}

TEST(HttpServer, AnswersThoughOthersHoldManyConnections) {
  const auto server = serve();
  std::vector<std::unique_ptr<HttpTalk>> idle;
  for (int i = 0; i < 100; ++i) idle.push_back(std::make_unique<HttpTalk>(server->address().port));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(ask(*server, kGet).status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s);
  EXPECT_TRUE(idle.front()->ends_within(20s));
}

TEST(HttpServer, EndsAConnectionWithoutARequestBeforeOneThatWasServed) {
  const auto server = serve({.connections = 2, .deadline = 1h});
  HttpTalk served(server->address().port);
  served.send(kGet);
  EXPECT_EQ(served.read().status, 200);
  HttpTalk silent(server->address().port);
  EXPECT_EQ(ask(*server, kGet).status, 200);
  EXPECT_TRUE(silent.ends_within(20s));
  served.send(kGet);
  EXPECT_EQ(served.read().status, 200);
}

TEST(HttpServer, AnswersADefectWithAnError) {
  const auto server = serve({}, [](std::string_view) -> HttpAnswer { throw std::runtime_error("defect"); });
  const HttpReply reply = ask(*server, kGet);
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, testing::Not(HasSubstr("defect")));
}

TEST(HttpServer, EndsAtOnceWhateverItsClientsDo) {
  auto server = serve({.deadline = 1h}, [](std::string_view) -> HttpAnswer {
    return {HttpAnswer::Status::kOk, "text/plain", std::string(32 << 20, 'x')};
  });
  HttpTalk silent(server->address().port), half(server->address().port), unread(server->address().port);
  half.send("GET /pa");
  unread.send(kGet);
  EXPECT_EQ(unread.read_head().status, 200);
  const auto begun = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  for (HttpTalk* talk : {&silent, &half, &unread}) EXPECT_TRUE(talk->ends_within(20s));
}

TEST(HttpServer, SaysWhyItCantListen) {
  const auto server = serve();
  const auto other = HttpServer::start(server->address(), {}, echo);
  ASSERT_FALSE(other);
  EXPECT_EQ(&other.error().code(), &codes::kApiListenFailed);
  EXPECT_EQ(other.error().message(), "can't listen at " + to_string(server->address()) + ": Address already in use");
}

TEST(HttpServer, TakesTheAddressOfAnEarlierOneAtOnce) {
  auto server = serve();
  const ListenAddress address = server->address();
  HttpTalk talk(address.port);
  talk.send(kGet);
  EXPECT_EQ(talk.read().status, 200);
  server.reset();  // ends the connection from this side, which leaves the port waiting
  const auto again = HttpServer::start(address, {}, echo);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(ask(**again, kGet).status, 200);
}

}  // namespace
}  // namespace penstock::api
