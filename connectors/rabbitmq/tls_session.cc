#include "connectors/rabbitmq/tls_session.h"

#include <amqp_ssl_socket.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

#include "core/invariant.h"

namespace penstock::rabbitmq {
namespace {

tl::unexpected<Error> tls_error(const std::string& what) {
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  return fail(codes::kRabbitTlsFailed, what + ": " + reason.data());
}

bool is_ip_address(const std::string& host) {
  std::array<unsigned char, 16> parsed{};
  return inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 || inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

}  // namespace

Status TlsSession::configure(amqp_socket_t* socket, const RabbitSettings& settings, std::stop_token stop) {
  stop_ = std::move(stop);
  auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
  INVARIANT(context != nullptr, "a TLS socket has a context");
  const bool trusts = settings.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context) == 1
                          : SSL_CTX_load_verify_locations(context, settings.ca_file.c_str(), nullptr) == 1;
  if (!trusts)
    return tls_error("loading certificates of authorities" +
                     (settings.ca_file.empty() ? std::string() : " from " + settings.ca_file));
  if (!settings.cert_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context, settings.cert_file.c_str()) != 1)
      return tls_error("loading the certificate " + settings.cert_file);
    if (SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
      return tls_error("loading the key " + settings.key_file);
  }
  // The library checks names only, against patterns of its own; OpenSSL knows addresses too.
  amqp_ssl_socket_set_verify_hostname(socket, 0);
  X509_VERIFY_PARAM* expected = SSL_CTX_get0_param(context);
  const std::string& host = settings.address.host;
  const int set = is_ip_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str())
                                      : X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
  if (set != 1) return tls_error("expecting the name " + host);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_info_callback(context, &TlsSession::note_session);
  return {};
}

void TlsSession::note_session(const ssl_st* session, int, int) {
  auto* self = static_cast<TlsSession*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)));
  self->session_ = const_cast<ssl_st*>(session);
  if (!self->stops_handshake_) self->stops_handshake_.emplace(SSL_get_fd(session), self->stop_);
}

void TlsSession::begin() {
  INVARIANT(session_ != nullptr, "the handshake noted its session");
  SSL_set_info_callback(session_, nullptr);
  stops_handshake_.reset();
  SSL_set_mode(session_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

Result<std::size_t> TlsSession::write(std::string_view bytes) {
  if (bytes.empty()) return 0;
  ERR_clear_error();
  const int written = SSL_write(session_, bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
  if (written > 0) return static_cast<std::size_t>(written);
  switch (SSL_get_error(session_, written)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return 0;
    default: return fail(codes::kRabbitUnavailable, "the TLS connection to the broker was lost while sending");
  }
}

}  // namespace penstock::rabbitmq
