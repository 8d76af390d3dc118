// Speaks TLS to clients and forwards to a plain server on loopback. Its certificate is signed by an authority of its
// own, both made anew. For one test; a thread for each connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace penstock::tests {

class TlsGate {
 public:
  // Forwards to 127.0.0.1:port. `alternative_name` is what the certificate is for: "IP:127.0.0.1", "DNS:elsewhere".
  TlsGate(std::uint16_t port, const std::string& alternative_name);
  ~TlsGate();
  TlsGate(const TlsGate&) = delete;
  TlsGate& operator=(const TlsGate&) = delete;

  std::uint16_t port() const;
  // PEM of the authority, for those who shall trust it.
  std::string ca_file() const;

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace penstock::tests
