// A small HTTP/1.1 server for what the program shows of itself: GET and HEAD, answered out of memory. No TLS, no
// authentication, no bodies.
//
// Bounded: so many connections; so many bytes of a request's header; so much time for a request to arrive, for an
// answer to be taken, and between two requests. A connection beyond those takes the place of one that has no request
// under way, a few hundred a second at most, so that who only holds connections keeps nobody out; where all of them
// are being answered, it waits in the kernel until one ends.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/listen_address.h"

namespace penstock::api {

struct HttpAnswer {
  enum class Status { kOk = 200, kNotFound = 404, kInternalError = 500 };
  Status status = Status::kOk;
  std::string content_type;
  std::string body;
};

struct HttpLimits {
  std::size_t connections = 16;
  std::size_t header_bytes = 8 << 10;
  std::chrono::milliseconds deadline{5'000};
};

class HttpServer {
 public:
  // From the server's thread, one call at a time. `path` has no query. What it throws is answered with 500.
  using Answer = std::function<HttpAnswer(std::string_view path)>;

  // Listens, and answers in a thread of its own. Error: api.listen_failed with the system's words.
  static Result<std::unique_ptr<HttpServer>> start(const ListenAddress& address, const HttpLimits& limits,
                                                   Answer answer);
  // Ends every connection at once, whatever its other side does.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // With the port that it got.
  ListenAddress address() const;

 private:
  struct Parts;
  explicit HttpServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace penstock::api
