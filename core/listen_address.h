// Where a server of this program listens: a numeric address and a port, checked before anything is opened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace penstock {

struct ListenAddress {
  std::string host;        // IPv4 or IPv6, without brackets
  std::uint16_t port = 0;  // 0: one that is free
};

// "127.0.0.1:26543", "[::1]:26543", "localhost:26543" (which is 127.0.0.1). No other name: what it means would depend
// on whom one asks. The error is the end of a message: "no address and port: "x" (expected …)".
tl::expected<ListenAddress, std::string> parse_listen_address(std::string_view text);

// The form that is parsed, without names.
std::string to_string(const ListenAddress& address);

// Whether only this machine can reach it.
bool is_loopback(const ListenAddress& address);

}  // namespace penstock
