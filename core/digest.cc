#include "core/digest.h"

#include <openssl/evp.h>

#include "core/invariant.h"

namespace penstock {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> digest(std::string_view bytes, const EVP_MD* algorithm) {
  std::array<std::uint8_t, N> out{};
  unsigned int length = 0;
  const int ok = EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, algorithm, nullptr);
  INVARIANT(ok == 1 && length == N, "OpenSSL provides SHA-1 and SHA-256");
  return out;
}

}  // namespace

std::array<std::uint8_t, 32> sha256(std::string_view bytes) { return digest<32>(bytes, EVP_sha256()); }
std::array<std::uint8_t, 20> sha1(std::string_view bytes) { return digest<20>(bytes, EVP_sha1()); }

}  // namespace penstock
