#include "connectors/rabbitmq/rabbitmq_inspect.h"

#include <set>

#include "connectors/rabbitmq/rabbitmq_connection.h"
#include "connectors/rabbitmq/rabbitmq_settings.h"
#include "connectors/rabbitmq/rights_book.h"

namespace penstock::rabbitmq {
namespace {

using connectors::Finding;
using Severity = connectors::Finding::Severity;

std::string in_words(const Error& error) { return error.message() + " [" + std::string(error.code().name) + "]"; }

std::string command_for_rights(const BrokerAddress& address, std::string_view exchange) {
  return "rabbitmqctl set_permissions -p '" + address.vhost + "' '" + address.user + "' '^$' '" +
         std::string(exchange) + "' '^$'";
}

// The broker's words tell apart what has one reply code: a virtual host that is missing, one that this user may not
// enter, and credentials that are wrong.
std::string fix_of_connecting(const Error& error, const BrokerAddress& address) {
  if (&error.code() != &codes::kRabbitUnauthorized) return std::string(error.code().hint);
  const std::string& words = error.message();
  if (words.find("not found") != std::string::npos)
    return "rabbitmqctl add_vhost '" + address.vhost + "'; " + command_for_rights(address, ".*");
  if (words.find("access to vhost") != std::string::npos) return command_for_rights(address, ".*");
  return "correct user and password in `url`, or set them at the broker: rabbitmqctl change_password '" + address.user +
         "', or add_user";
}

struct Inspection {
  RabbitConnection& connection;
  const BrokerAddress& address;
  Deadline deadline;
  std::vector<Finding>& findings;

  void say(Severity severity, const std::string& exchange, std::string message, std::string fix = {}) {
    findings.push_back({severity, "exchange " + exchange, std::move(message), std::move(fix)});
  }

  std::string declare_command(const std::string& exchange, std::string_view type) const {
    return "rabbitmqadmin -V '" + address.vhost + "' declare exchange name='" + exchange +
           "' type=" + std::string(type) + " durable=true";
  }

  void look_at(const std::string& exchange, const std::string& routing_key) {
    if (exchange.empty()) {
      say(Severity::kWarning, "(default)", "the default exchange routes by queue name only",
          "set exchange = \"…\" to a topic exchange");
      return;
    }
    if (auto there = connection.look_for_exchange(exchange, deadline, {}); !there) {
      say(Severity::kError, exchange, in_words(there.error()), declare_command(exchange, "topic"));
      return;
    }
    look_at_right(exchange, routing_key);
    look_at_type(exchange, routing_key);
  }

  void look_at_right(const std::string& exchange, const std::string& routing_key) {
    const bool fixed = routing_key.find('{') == std::string::npos;
    auto right = connection.look_for_write_right(exchange, fixed ? routing_key : "penstock", deadline, {});
    if (right) {
      say(Severity::kOk, exchange, "is there and may be published to");
    } else if (!fixed && is_about_routing_key(right.error())) {
      say(Severity::kOk, exchange, "is there; which routing keys may be published, its topic permissions say");
    } else {
      say(Severity::kError, exchange, in_words(right.error()), command_for_rights(address, "^" + exchange + "$"));
    }
  }

  void look_at_type(const std::string& exchange, const std::string& routing_key) {
    const auto objection = connection.objection_to_type(exchange, "headers", deadline, {});
    if (!objection || !*objection) return;  // not ours to know
    const std::string differing = current_attribute(**objection, "type");
    const std::string type = differing.empty() ? "headers" : differing;
    if (type == "fanout" || type == "headers")
      say(Severity::kWarning, exchange, "is of type " + type + ": routing keys are ignored",
          "use a topic exchange, or x-consistent-hash with routing_key = \"{key}\"");
    if (type == "x-consistent-hash" && routing_key != "{key}")
      say(Severity::kWarning, exchange, "spreads by routing key, and the route's is not the event's key",
          "set routing_key = \"{key}\" on the route, so that a key stays in one queue");
    const auto second = differing.empty() ? objection : connection.objection_to_type(exchange, type, deadline, {});
    if (!second || !*second || current_attribute(**second, "durable") == "true") return;
    say(Severity::kWarning, exchange, "is not durable: it is gone after a restart of the broker",
        declare_command(exchange, type));
  }
};

}  // namespace

std::string current_attribute(std::string_view objection, std::string_view attribute) {
  const auto named = objection.find("inequivalent arg '" + std::string(attribute) + "'");
  if (named == std::string_view::npos) return {};
  constexpr std::string_view kCurrent = "but current is '";
  const auto current = objection.find(kCurrent, named);
  if (current == std::string_view::npos) return {};
  const std::string_view rest = objection.substr(current + kCurrent.size());
  return std::string(rest.substr(0, rest.find('\'')));
}

std::vector<Finding> inspect(const Section& sink, std::span<const connectors::RouteTemplates> routes,
                             std::size_t event_bytes, Deadline deadline) {
  static_cast<void>(event_bytes);  // the broker tells its limit only by closing the channel
  const RabbitSettings settings = read_settings(sink);
  const std::string subject = "broker " + settings.address.host + ":" + std::to_string(settings.address.port);
  std::vector<Finding> findings;
  auto connection = RabbitConnection::open(settings, "penstock validate", deadline, {});
  if (!connection) {
    findings.push_back({Severity::kError, subject, in_words(connection.error()),
                        fix_of_connecting(connection.error(), settings.address)});
    return findings;
  }
  findings.push_back({Severity::kOk, subject, "answers, vhost " + settings.address.vhost, {}});

  Inspection inspection{**connection, settings.address, deadline, findings};
  std::set<std::pair<std::string, std::string>> seen;
  for (const connectors::RouteTemplates& route : routes) {
    if (route.destination.find('{') != std::string::npos) continue;
    if (seen.emplace(route.destination, route.routing_key).second)
      inspection.look_at(route.destination, route.routing_key);
  }
  (*connection)->close(deadline);
  return findings;
}

}  // namespace penstock::rabbitmq
