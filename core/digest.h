// SHA-256 and SHA-1 of bytes; the only place that includes OpenSSL's EVP.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace penstock {

std::array<std::uint8_t, 32> sha256(std::string_view bytes);
std::array<std::uint8_t, 20> sha1(std::string_view bytes);

}  // namespace penstock
