#include "connectors/rabbitmq/rabbitmq_settings.h"

#include <amqp.h>

#include <fstream>

#include "core/invariant.h"

namespace penstock::rabbitmq {
namespace {

constexpr FieldSpec kSinkFields[] = {
    {.name = "url",
     .type = FieldType::kUrl,
     .presence = FieldSpec::Presence::kRequired,
     .help = "Where the broker is: amqp://user:password@host:5672/vhost, or amqps:// for TLS."},
    {.name = "exchange",
     .type = FieldType::kText,
     .presence = FieldSpec::Presence::kRequired,
     .help = "Exchange to publish to; it must be there, Penstock never creates it."},
    {.name = "heartbeat_s",
     .type = FieldType::kInteger,
     .default_text = "8",
     .help = "Seconds between heartbeats; a connection silent for twice that long counts as lost.",
     .minimum = 1,
     .maximum = 3'600},
    {.name = "ca_file",
     .type = FieldType::kText,
     .help = "With amqps://: certificates of the authorities to trust, as PEM; default: the system's."},
    {.name = "cert_file", .type = FieldType::kText, .help = "With amqps://: this client's certificate, as PEM."},
    {.name = "key_file", .type = FieldType::kText, .help = "With amqps://: the key of cert_file, as PEM."},
};

constexpr FieldSpec kRouteFields[] = {
    {.name = "exchange",
     .type = FieldType::kText,
     .help = "Exchange of an event, over the sink's; placeholders in braces."},
    {.name = "routing_key",
     .type = FieldType::kText,
     .default_text = "{category}.{type}",
     .help = "Routing key of an event; \"{key}\" for an x-consistent-hash exchange."},
};

constexpr std::string_view kUrlForm = "expected amqp://user:password@host:port/vhost or amqps://…";

tl::unexpected<Error> bad_url(std::string_view why) {
  return fail(codes::kConfigInvalid, std::string(why) + "; " + std::string(kUrlForm));
}

// With a bare / or @ in the password, a piece of it would be taken for a port or a virtual host, and be said aloud.
bool has_stray_at(std::string_view url) {
  const std::string_view rest = url.substr(url.find("://") + 3);
  const auto at = rest.find('@');
  return at != std::string_view::npos && (rest.find('@', at + 1) != std::string_view::npos || rest.find('/') < at);
}

bool is_readable(const std::string& path) { return std::ifstream(path).good(); }

}  // namespace

std::string BrokerAddress::describe() const { return host + ":" + std::to_string(port) + ", vhost " + vhost; }

std::span<const FieldSpec> sink_fields() { return kSinkFields; }
std::span<const FieldSpec> route_fields() { return kRouteFields; }

Result<BrokerAddress> parse_address(const Secret& url) {
  std::string text = url.reveal();  // the parser writes into it
  if (!text.starts_with("amqp://") && !text.starts_with("amqps://")) return bad_url("the URL names another protocol");
  if (text.find('?') != std::string::npos) return bad_url("parameters behind ? are not supported");
  if (has_stray_at(text))
    return bad_url(
        "an @ stands where none may be: / ? # @ : and % of a password or a virtual host are written as %2F %3F "
        "%23 %40 %3A %25");
  amqp_connection_info parsed{};
  const bool understood = amqp_parse_url(text.data(), &parsed) == AMQP_STATUS_OK;
  BrokerAddress address;
  if (understood) {
    address.host = parsed.host;
    address.port = parsed.port;
    address.user = parsed.user;
    address.password = Secret(parsed.password);
    address.vhost = *parsed.vhost == '\0' ? "/" : parsed.vhost;
    address.transport = parsed.ssl ? BrokerAddress::Transport::kTls : BrokerAddress::Transport::kPlain;
  }
  const Secret wiped(std::move(text));
  if (!understood) return bad_url("the URL can't be read");
  if (address.host.empty()) return bad_url("the URL names no host");
  return address;
}

RabbitSettings with_address(RabbitSettings settings, const Secret& url) {
  if (auto address = parse_address(url)) settings.address = *std::move(address);
  return settings;
}

std::vector<SectionError> check_settings(const Section& sink) {
  std::vector<SectionError> errors;
  const auto address = parse_address(sink.secret("url"));
  if (!address) errors.push_back({sink.place("url"), "url: " + address.error().message()});
  if (sink.text("exchange").size() > 255)
    errors.push_back({sink.place("exchange"), "exchange: the name is longer than 255 bytes"});
  const bool tls = !address || address->transport == BrokerAddress::Transport::kTls;
  for (const char* name : {"ca_file", "cert_file", "key_file"}) {
    if (!sink.has(name)) continue;
    if (!tls) errors.push_back({sink.place(name), std::string(name) + " has a meaning with amqps:// only"});
    if (!is_readable(sink.text(name)))
      errors.push_back({sink.place(name), std::string(name) + ": can't read " + sink.text(name)});
  }
  if (sink.has("cert_file") != sink.has("key_file"))
    errors.push_back({sink.place("cert_file"), "cert_file and key_file belong together"});
  return errors;
}

RabbitSettings read_settings(const Section& sink) {
  auto address = parse_address(sink.secret("url"));
  INVARIANT(address, "settings are read from a section that was checked");
  return {.url = sink.secret("url"),
          .address = *std::move(address),
          .exchange = sink.text("exchange"),
          .heartbeat = std::chrono::seconds(sink.integer("heartbeat_s").value_or(8)),
          .ca_file = sink.text("ca_file"),
          .cert_file = sink.text("cert_file"),
          .key_file = sink.text("key_file")};
}

connectors::RouteTemplates templates_of(const Section& sink, const Section& route) {
  return {.destination = route.has("exchange") ? route.text("exchange") : sink.text("exchange"),
          .routing_key = route.text("routing_key")};
}

}  // namespace penstock::rabbitmq
