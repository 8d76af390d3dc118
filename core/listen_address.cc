#include "core/listen_address.h"

#include <arpa/inet.h>

#include <charconv>
#include <optional>

namespace penstock {
namespace {

constexpr std::string_view kExpected = R"( (expected "127.0.0.1:26543", "[::1]:26543" or "0.0.0.0:26543"))";

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return port;
}

// Without brackets; nullopt where it is none.
std::optional<std::string> parse_host(std::string_view text) {
  if (text == "localhost") return "127.0.0.1";
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    std::string inner(text.substr(1, text.size() - 2));
    return is_ipv6(inner) ? std::optional(std::move(inner)) : std::nullopt;
  }
  std::string host(text);
  return is_ipv4(host) ? std::optional(std::move(host)) : std::nullopt;
}

tl::unexpected<std::string> wrong(std::string_view what, std::string_view text) {
  return tl::unexpected(std::string(what).append(": \"").append(text).append("\"").append(kExpected));
}

}  // namespace

tl::expected<ListenAddress, std::string> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("no address and port", text);
  auto host = parse_host(text.substr(0, colon));
  if (!host) return wrong("no numeric address before the port", text);
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return wrong("no port from 0 to 65535", text);
  return ListenAddress{std::move(*host), *port};
}

std::string to_string(const ListenAddress& address) {
  const bool in_brackets = address.host.find(':') != std::string::npos;
  const std::string host = in_brackets ? "[" + address.host + "]" : address.host;
  return host + ":" + std::to_string(address.port);
}

bool is_loopback(const ListenAddress& address) {
  in6_addr parsed{};
  if (::inet_pton(AF_INET6, address.host.c_str(), &parsed) != 1) return address.host.starts_with("127.");
  if (IN6_IS_ADDR_V4MAPPED(&parsed)) return parsed.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&parsed);
}

}  // namespace penstock
