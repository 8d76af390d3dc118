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

void Sha256::Free::operator()(void* context) const { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context)); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  const int ok = EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_.get()), EVP_sha256(), nullptr);
  INVARIANT(ok == 1, "OpenSSL provides SHA-256");
}

Sha256::Sha256(const Sha256& other) : context_(EVP_MD_CTX_new()) {
  const int ok = EVP_MD_CTX_copy_ex(static_cast<EVP_MD_CTX*>(context_.get()),
                                    static_cast<const EVP_MD_CTX*>(other.context_.get()));
  INVARIANT(ok == 1, "OpenSSL copies a SHA-256");
}

Sha256& Sha256::operator=(const Sha256& other) {
  if (this != &other) *this = Sha256(other);
  return *this;
}

void Sha256::add(std::string_view bytes) {
  const int ok = EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_.get()), bytes.data(), bytes.size());
  INVARIANT(ok == 1, "OpenSSL takes any bytes");
}

std::array<std::uint8_t, 32> Sha256::value() const {
  const Sha256 ending(*this);
  std::array<std::uint8_t, 32> out{};
  const int ok = EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(ending.context_.get()), out.data(), nullptr);
  INVARIANT(ok == 1, "OpenSSL ends a SHA-256");
  return out;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) text += {kHex[byte >> 4], kHex[byte & 15]};
  return text;
}

}  // namespace penstock
