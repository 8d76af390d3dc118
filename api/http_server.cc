#include "api/http_server.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cstdint>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace penstock::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = boost::asio::ip::tcp;

using std::chrono::steady_clock;

// When the system can't accept (no descriptor is left, say), it is asked again after this.
constexpr std::chrono::milliseconds kAcceptAgain{100};
// Who is let in at another's expense has so much time for each of the connections before it is its own turn to go.
constexpr std::chrono::milliseconds kBetweenEndings{5};
// What is read and dropped behind a refused request, so that its sender gets to see the answer.
constexpr std::size_t kDroppedBytes = 64 << 10;
constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

Response make_response(http::status status, std::string_view content_type, std::string body) {
  Response response(status, 11);
  response.set(http::field::content_type, {content_type.data(), content_type.size()});
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.body() = std::move(body);
  return response;
}

Response refusal(http::status status, std::string_view words) {
  return make_response(status, kPlainText, std::string(words) + "\n");
}

bool is_known_method(const Request& request) {
  return request.method() == http::verb::get || request.method() == http::verb::head;
}

std::string_view path_of(const Request& request) {
  const std::string_view target(request.target().data(), request.target().size());
  return target.substr(0, target.find('?'));
}

}  // namespace

// Everything but the constructor and the destructor runs in `thread`.
struct HttpServer::Parts {
  class Session;

  Parts(const HttpLimits& its_limits, Answer its_answer) : limits(its_limits), answer(std::move(its_answer)) {}
  ~Parts() {
    io.stop();
    if (thread.joinable()) thread.join();
  }

  error_code listen(const ListenAddress& wanted);
  void run();
  void keep_accepting();
  void forget_door();
  void accept();
  void rest();
  void on_accepted(const error_code& error, tcp::socket socket);
  void let_in();
  // Who keeps a place and has no request under way: first who never had one, and of those who waits longest.
  Session* find_idle() const;
  Response respond(const Request& request) const;

  const HttpLimits limits;
  const Answer answer;
  ListenAddress address;
  // kClosed: for now no connection is accepted. What opens it again is looked at after each handler.
  enum class Door { kClosed, kOpen, kResting } door = Door::kClosed;
  std::uint64_t opening = 0;  // handlers of earlier ones change nothing
  steady_clock::time_point rest_until{};
  std::vector<Session*> sessions;
  // Destroyed after those who use it, and the sessions with it.
  asio::io_context io{1};
  // Between two handlers nothing may be under way.
  const asio::executor_work_guard<asio::io_context::executor_type> goes_on{io.get_executor()};
  tcp::acceptor acceptor{io};
  asio::steady_timer pause{io};
  std::optional<tcp::socket> at_the_door;  // accepted, and all places were taken meanwhile
  std::jthread thread;
};

// One connection. It lives as long as something of it is under way.
class HttpServer::Parts::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Parts& parts, tcp::socket socket) : parts_(parts), stream_(std::move(socket)), buffer_(buffer_limit()) {
    parts_.sessions.push_back(this);
  }
  ~Session() { std::erase(parts_.sessions, this); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    waits_since_ = steady_clock::now();
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(parts_.limits.header_bytes));
    parser_->body_limit(boost::none);  // none is ever read
    stream_.expires_after(parts_.limits.deadline);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](const error_code& error, std::size_t) { self->on_read(error); });
  }

  bool is_idle() const { return waits_since_.has_value(); }
  // Of idle ones: whose end costs less.
  bool goes_before(const Session& other) const {
    return std::tuple(served_, waits_since_) < std::tuple(other.served_, other.waits_since_);
  }
  void end() {
    waits_since_.reset();
    stream_.close();
  }

 private:
  // What follows a request in the same packet stays in the buffer.
  std::size_t buffer_limit() const { return 2 * parts_.limits.header_bytes; }

  void on_read(const error_code& error) {
    waits_since_.reset();
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return write(refusal(http::status::request_header_fields_too_large, "The header of the request is too long."),
                   After::kClose);
    }
    const bool is_no_http = error.category() == make_error_code(http::error::bad_method).category();
    if (is_no_http && error != http::error::end_of_stream && error != http::error::partial_message)
      return write(refusal(http::status::bad_request, "This is no HTTP request."), After::kClose);
    if (error) return;
    const Request& request = parser_->get();
    const bool has_body = parser_->chunked() || parser_->content_length().value_or(0) > 0;
    const After after = parser_->keep_alive() && !has_body ? After::kReadNext : After::kClose;
    if (!is_known_method(request)) {
      Response response = refusal(http::status::method_not_allowed, "Only GET and HEAD are answered here.");
      response.set(http::field::allow, "GET, HEAD");
      return write(std::move(response), after);
    }
    if (has_body) return write(refusal(http::status::payload_too_large, "No body is taken here."), after);
    write(parts_.respond(request), after);
  }

  enum class After { kReadNext, kClose };

  void write(Response response, After after) {
    const std::size_t size = response.body().size();
    if (parser_->get().method() == http::verb::head) response.body().clear();
    response.content_length(size);
    response.keep_alive(after == After::kReadNext);
    response_.emplace(std::move(response));
    stream_.expires_after(parts_.limits.deadline);
    http::async_write(stream_, *response_, [self = shared_from_this(), after](const error_code& error, std::size_t) {
      if (error) return;
      self->served_ = Served::kYes;
      if (after == After::kReadNext) return self->read();
      self->close();
    });
  }

  void close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(parts_.limits.deadline);
    drop_the_rest();
  }

  // Closing with bytes unread would make the system take back what was just sent.
  void drop_the_rest() {
    stream_.async_read_some(asio::buffer(dropped_),
                            [self = shared_from_this()](const error_code& error, std::size_t n) {
                              self->dropped_bytes_ += n;
                              if (!error && self->dropped_bytes_ < kDroppedBytes) self->drop_the_rest();
                            });
  }

  Parts& parts_;
  enum class Served { kNo, kYes } served_ = Served::kNo;
  std::optional<steady_clock::time_point> waits_since_;  // for a request
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::optional<Response> response_;
  std::array<char, 512> dropped_{};
  std::size_t dropped_bytes_ = 0;
};

error_code HttpServer::Parts::listen(const ListenAddress& wanted) {
  error_code error;
  const auto host = asio::ip::make_address(wanted.host, error);
  if (error) return error;
  const tcp::endpoint endpoint(host, wanted.port);
  if (acceptor.open(endpoint.protocol(), error)) return error;
  // A restart must not wait for connections of the program before it.
  if (acceptor.set_option(tcp::acceptor::reuse_address(true), error)) return error;
  if (acceptor.bind(endpoint, error)) return error;
  if (acceptor.listen(asio::socket_base::max_listen_connections, error)) return error;
  address = {wanted.host, acceptor.local_endpoint(error).port()};
  return error;
}

void HttpServer::Parts::run() {
  while (!io.stopped()) {
    try {
      keep_accepting();
      io.run_one();
    } catch (const std::exception&) {
      // Memory ran out, say: the connection that met it is gone, the others go on.
      std::this_thread::sleep_for(kAcceptAgain);
      forget_door();
    }
  }
}

// Not in the handlers: what throws there, or in a session's end, would leave the door closed for ever.
void HttpServer::Parts::keep_accepting() {
  while (door == Door::kClosed) {
    if (steady_clock::now() < rest_until) return rest();
    if (sessions.size() >= limits.connections && find_idle() == nullptr) return;
    if (!at_the_door) return accept();
    let_in();
  }
}

// What threw may have been the accepting itself, whose handler is lost then.
void HttpServer::Parts::forget_door() {
  ++opening;
  door = Door::kClosed;
  error_code ignored;
  acceptor.cancel(ignored);
}

void HttpServer::Parts::rest() {
  pause.expires_at(rest_until);
  pause.async_wait([this, which = opening](const error_code&) {
    if (which == opening) door = Door::kClosed;
  });
  door = Door::kResting;
}

void HttpServer::Parts::accept() {
  acceptor.async_accept([this, which = opening](const error_code& error, tcp::socket socket) {
    if (which == opening) on_accepted(error, std::move(socket));
  });
  door = Door::kOpen;
}

void HttpServer::Parts::on_accepted(const error_code& error, tcp::socket socket) {
  door = Door::kClosed;
  if (error)
    rest_until = steady_clock::now() + kAcceptAgain;
  else
    at_the_door.emplace(std::move(socket));
}

void HttpServer::Parts::let_in() {
  tcp::socket socket = std::move(*at_the_door);
  at_the_door.reset();
  if (sessions.size() >= limits.connections) {
    find_idle()->end();
    rest_until = steady_clock::now() + kBetweenEndings;
  }
  std::make_shared<Session>(*this, std::move(socket))->read();
}

HttpServer::Parts::Session* HttpServer::Parts::find_idle() const {
  Session* found = nullptr;
  for (Session* session : sessions) {
    if (session->is_idle() && (found == nullptr || session->goes_before(*found))) found = session;
  }
  return found;
}

Response HttpServer::Parts::respond(const Request& request) const {
  try {
    HttpAnswer answered = answer(path_of(request));
    return make_response(static_cast<http::status>(answered.status), answered.content_type, std::move(answered.body));
  } catch (const std::exception&) {
    return refusal(http::status::internal_server_error, "The answer could not be put together.");
  }
}

HttpServer::HttpServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const ListenAddress& address, const HttpLimits& limits,
                                                      Answer answer) {
  auto parts = std::make_unique<Parts>(limits, std::move(answer));
  if (const error_code error = parts->listen(address); error)
    return fail(codes::kApiListenFailed, "can't listen at " + to_string(address) + ": " + error.message());
  Parts& running = *parts;
  parts->thread = std::jthread([&running] { running.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts)));
}

ListenAddress HttpServer::address() const { return parts_->address; }

}  // namespace penstock::api
