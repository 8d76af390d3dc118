// TLS of one connection: verified always, and writable without waiting.
//
// librabbitmq keeps its SSL object to itself and offers no write with a deadline. So the object is
// noted while the library shakes hands, and the thread that owns the connection writes to it.
#pragma once

#include <amqp.h>

#include <optional>
#include <stop_token>
#include <string_view>

#include "connectors/rabbitmq/rabbitmq_settings.h"
#include "connectors/rabbitmq/stops_waiting.h"
#include "core/error.h"

struct ssl_st;
struct ssl_ctx_st;

namespace penstock::rabbitmq {

class TlsSession {
 public:
  TlsSession() = default;
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Before the socket is opened: whom to trust, which name to expect, who we are, what ends the handshake. Error:
  // rabbitmq.tls_failed.
  Status configure(amqp_socket_t* socket, const RabbitSettings& settings, std::stop_token stop);
  // After it was opened.
  void begin();

  // Bytes taken; 0 when the socket takes none now. Error: rabbitmq.unavailable.
  Result<std::size_t> write(std::string_view bytes);

 private:
  static void note_session(const ssl_st* session, int where, int result);

  ssl_st* session_ = nullptr;  // the library's
  std::stop_token stop_;
  std::optional<StopsWaiting> stops_handshake_;
};

}  // namespace penstock::rabbitmq
