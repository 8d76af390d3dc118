#include "tests/support/tls_gate.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <list>
#include <stdexcept>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace penstock::tests {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL, decltype(&SSL_free)>;

constexpr long kValidSeconds = 3'600;
constexpr int kLookForTheEndMs = 100;

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("TLS gate: ") + what);
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  require(key != nullptr, "no key");
  return key;
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "no extension");
  X509_EXTENSION_free(extension);
}

// To be signed by `issuer`, or by itself where that is null.
Certificate make_certificate(const std::string& name, EVP_PKEY* key, X509* issuer) {
  Certificate made(X509_new(), X509_free);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -kValidSeconds);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), kValidSeconds);
  X509_set_pubkey(made.get(), key);
  X509_NAME* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(made.get(), issuer == nullptr ? subject : X509_get_subject_name(issuer));
  return made;
}

void sign(X509* certificate, EVP_PKEY* key) { require(X509_sign(certificate, key, EVP_sha256()) > 0, "no signature"); }

int connect_to(std::uint16_t port) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return server;
  ::close(server);
  return -1;
}

bool send_all(int socket, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(socket, bytes, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

// Until one side ends, or the gate does.
void forward(SSL* client, int client_socket, int server, const std::stop_token& stop) {
  std::array<char, 16'384> block;
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> sides{{{client_socket, POLLIN, 0}, {server, POLLIN, 0}}};
    if (SSL_pending(client) == 0 && ::poll(sides.data(), sides.size(), kLookForTheEndMs) <= 0) continue;
    if (SSL_pending(client) > 0 || (sides[0].revents & (POLLIN | POLLHUP)) != 0) {
      const int got = SSL_read(client, block.data(), static_cast<int>(block.size()));
      if (got <= 0 || !send_all(server, block.data(), static_cast<std::size_t>(got))) return;
    }
    if ((sides[1].revents & (POLLIN | POLLHUP)) != 0) {
      const ssize_t got = ::recv(server, block.data(), block.size(), 0);
      if (got <= 0 || SSL_write(client, block.data(), static_cast<int>(got)) <= 0) return;
    }
  }
}

}  // namespace

class TlsGate::Listener {
 public:
  Listener(std::uint16_t target, const std::string& alternative_name)
      : target_(target), context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
    use_new_certificate(alternative_name);
    listen();
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Listener() {
    thread_.request_stop();
    thread_.join();
    connections_.clear();
    ::close(socket_);
  }

  std::uint16_t port() const { return port_; }
  std::string ca_file() const { return folder_.file("ca.pem"); }

 private:
  void use_new_certificate(const std::string& alternative_name) {
    const Key authority_key = make_key(), key = make_key();
    const Certificate authority = make_certificate("test authority", authority_key.get(), nullptr);
    add_extension(authority.get(), NID_basic_constraints, "critical,CA:TRUE");
    sign(authority.get(), authority_key.get());
    const Certificate own = make_certificate("test broker", key.get(), authority.get());
    add_extension(own.get(), NID_subject_alt_name, alternative_name);
    sign(own.get(), authority_key.get());
    require(SSL_CTX_use_certificate(context_.get(), own.get()) == 1, "the certificate does not fit");
    require(SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1, "the key does not fit");
    std::FILE* file = std::fopen(ca_file().c_str(), "w");
    require(file != nullptr && PEM_write_X509(file, authority.get()) == 1, "the authority can't be written");
    std::fclose(file);
  }

  void listen() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    require(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(socket_, 8) == 0, "no port");
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd waiting{socket_, POLLIN, 0};
      if (::poll(&waiting, 1, kLookForTheEndMs) <= 0) continue;
      const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client >= 0) connections_.emplace_back([this, client](const std::stop_token& end) { serve(client, end); });
    }
  }

  void serve(int client, const std::stop_token& stop) const {
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const Session session(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(session.get(), client);
    if (SSL_accept(session.get()) == 1) {
      if (const int server = connect_to(target_); server >= 0) {
        forward(session.get(), client, server, stop);
        ::close(server);
      }
    }
    ::close(client);
  }

  const std::uint16_t target_;
  const TemporaryFolder folder_;
  const Context context_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::list<std::jthread> connections_;  // of the thread that listens, then of the destructor
  std::jthread thread_;
};

TlsGate::TlsGate(std::uint16_t port, const std::string& alternative_name)
    : listener_(std::make_unique<Listener>(port, alternative_name)) {}

TlsGate::~TlsGate() = default;

std::uint16_t TlsGate::port() const { return listener_->port(); }
std::string TlsGate::ca_file() const { return listener_->ca_file(); }

}  // namespace penstock::tests
