// The HTTP side when no memory is left.
#include <gtest/gtest.h>

#include "api/http_server.h"
#include "tests/support/eventually.h"
#include "tests/support/http_talk.h"
#include "tests/unit/api/short_memory.h"

namespace penstock::api {
namespace {

HttpAnswer echo(std::string_view path) { return {HttpAnswer::Status::kOk, "text/plain", std::string(path)}; }

TEST(HttpServer, AcceptsAgainAfterMemoryRanOut) {
  const auto server = HttpServer::start({"127.0.0.1", 0}, {.connections = 1}, echo);
  ASSERT_TRUE(server);
  const auto port = (*server)->address().port;
  // One connection is there before, so that one ends, too, while there is none.
  auto before = std::make_unique<tests::HttpTalk>(port);
  before->send("GET /path HTTP/1.1\r\nHost: test\r\n\r\n");
  ASSERT_EQ(before->read().status, 200);
  {
    const tests::ShortMemory memory;
    before.reset();
    const auto met_it = [&] {
      const tests::HttpTalk unlucky(port);
      return memory.refusals() >= 10;
    };
    EXPECT_TRUE(tests::eventually(met_it));
  }
  EXPECT_EQ(tests::http_get(port, "/path").status, 200);
}

}  // namespace
}  // namespace penstock::api
