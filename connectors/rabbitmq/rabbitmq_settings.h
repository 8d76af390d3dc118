// What an operator can set on a RabbitMQ sink.
//
// TLS (amqps://) always verifies the broker's certificate and name; there is no switch to turn that
// off. Another authority than the system's is named by `ca_file`.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kind.h"
#include "core/error.h"
#include "core/secret.h"
#include "core/section.h"

namespace penstock::rabbitmq {

// amqp[s]://user:password@host:port/vhost. An empty vhost means "/", as most people mean it.
struct BrokerAddress {
  std::string host, vhost, user;
  Secret password;
  int port = 0;
  enum class Transport { kPlain, kTls } transport = Transport::kPlain;

  // "host:port, vhost /": for messages.
  std::string describe() const;
};

struct RabbitSettings {
  Secret url{};  // that the address came out of, and may be read again; empty: it stays
  BrokerAddress address;
  std::string exchange;
  std::chrono::seconds heartbeat{8};  // two of them without a byte: the connection counts as lost
  std::string ca_file, cert_file, key_file;
};

std::span<const FieldSpec> sink_fields();
std::span<const FieldSpec> route_fields();

// Error: config.invalid; never names user or password.
Result<BrokerAddress> parse_address(const Secret& url);

// The same with the address of this URL; as it was where that can't be read.
RabbitSettings with_address(RabbitSettings settings, const Secret& url);

// Everything that is wrong with a section, offline.
std::vector<SectionError> check_settings(const Section& sink);

// Of a section that check_settings found nothing wrong with.
RabbitSettings read_settings(const Section& sink);

// Exchange and routing key: the route's over the sink's.
connectors::RouteTemplates templates_of(const Section& sink, const Section& route);

}  // namespace penstock::rabbitmq
