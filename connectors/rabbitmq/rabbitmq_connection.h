// One connection to a broker, from the handshake to its end.
//
// Single-threaded: whoever holds it owns it. While it is opened its calls wait, each within the
// deadline and until the stop; afterwards reading and writing never wait, and heartbeats are the
// owner's business: the library's own are turned off, because it would send them in the middle of a
// half-written frame.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "connectors/rabbitmq/rabbitmq_settings.h"
#include "connectors/rabbitmq/tls_session.h"
#include "core/clock.h"
#include "core/error.h"

namespace penstock::rabbitmq {

class RabbitConnection {
 public:
  static constexpr std::uint16_t kPublishChannel = 1;
  static constexpr std::uint16_t kLookChannel = 2;   // where a missing exchange does no harm
  static constexpr std::uint16_t kRightChannel = 3;  // where a refused publish does none

  // Connects and logs in. `name` is shown by the broker. Errors: rabbitmq.unavailable, .unauthorized,
  // .tls_failed, .protocol_error; core.stopped. A stop doesn't end the look-up of the host nor
  // the connect itself, which the client library makes: 5 s at most.
  static Result<std::unique_ptr<RabbitConnection>> open(const RabbitSettings& settings, const std::string& name,
                                                        Deadline deadline, std::stop_token stop);
  ~RabbitConnection();
  RabbitConnection(const RabbitConnection&) = delete;
  RabbitConnection& operator=(const RabbitConnection&) = delete;

  // --- waiting calls, before publishing begins ---
  // Opens kPublishChannel with confirms.
  Status open_publish_channel(Deadline deadline, std::stop_token stop);
  // Whether the exchange is there. Error: rabbitmq.exchange_missing.
  Status look_for_exchange(const std::string& exchange, Deadline deadline, std::stop_token stop);
  // Whether we may publish to it: a publish that is rolled back. Error: rabbitmq.unauthorized.
  Status look_for_write_right(const std::string& exchange, const std::string& routing_key, Deadline deadline,
                              std::stop_token stop);
  // What the broker says when an exchange is declared otherwise than it is, the only way to learn its
  // type over AMQP. Nothing is changed or made. nullopt: it keeps it to itself (no configure right).
  Result<std::optional<std::string>> objection_to_type(const std::string& exchange, const std::string& type,
                                                       Deadline deadline, std::stop_token stop);

  // --- calls that never wait ---
  int descriptor() const;
  std::size_t frame_max() const;
  std::chrono::seconds heartbeat() const { return heartbeat_; }  // as agreed; 0 = none
  // The next frame that has arrived whole; nullopt when there is none. Its memory lives until
  // release_frames().
  Result<std::optional<amqp_frame_t>> next_frame();
  void release_frames();
  // Bytes taken; 0 when the socket takes none now.
  Result<std::size_t> write(std::string_view bytes);

  // Says goodbye, when nothing is half written. Otherwise, or without a deadline left, just ends.
  void close(Deadline deadline);
  // Ends at once and drops what the kernel has not sent yet.
  void cut();

 private:
  using State = std::unique_ptr<amqp_connection_state_t_, int (*)(amqp_connection_state_t)>;
  explicit RabbitConnection(const BrokerAddress& address);

  Status connect(const RabbitSettings& settings, Deadline deadline, const std::stop_token& stop);
  Status log_in(const RabbitSettings& settings, const std::string& name, Deadline deadline, std::stop_token stop);
  // Runs an RPC of the library within the deadline and until the stop, and looks at its reply.
  Status call(std::string_view what, Deadline deadline, std::stop_token stop,
              const std::function<amqp_rpc_reply_t()>& rpc);
  Status on_look_channel(Deadline deadline, std::stop_token stop, const std::function<Status()>& look);

  const BrokerAddress address_;
  State state_;
  TlsSession tls_;
  enum class Phase { kConnecting, kOpen, kClosed } phase_ = Phase::kConnecting;
  enum class Channel { kGoesOn, kRefused } look_channel_ = Channel::kGoesOn;
  std::chrono::seconds heartbeat_{0};
};

}  // namespace penstock::rabbitmq
