#include "crypto/tls_socket.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;

constexpr std::size_t kReadAhead = 64 * 1024;
constexpr std::size_t kMostUnsent = 128 * 1024;

// Where OpenSSL reads and writes: the socket, with what the socket does not take kept behind it.
struct Wire {
  int socket = -1;
  std::string unsent;
  bool hold = false;  // collect writes, to send several records at once
};

// A buffer that no socket of this thread needs now; ciphertext only. Keeps a busy connection from
// allocating for each write, and an idle one from holding anything.
thread_local std::string spare;

void borrow(Wire& wire) {
  if (wire.unsent.capacity() < spare.capacity()) {
    spare.insert(0, wire.unsent);
    wire.unsent.swap(spare);
    std::string().swap(spare);
  }
}

// Sends all it can. False when the socket is broken.
bool drain(Wire& wire) {
  std::size_t sent = 0;
  while (sent < wire.unsent.size()) {
    const ssize_t n = ::send(wire.socket, wire.unsent.data() + sent, wire.unsent.size() - sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      return false;
    }
    sent += static_cast<std::size_t>(n);
  }
  if (sent == wire.unsent.size()) {
    wire.unsent.clear();
    if (wire.unsent.capacity() > spare.capacity()) wire.unsent.swap(spare);
    std::string().swap(wire.unsent);
  } else {
    wire.unsent.erase(0, sent);
  }
  return true;
}

int wire_read(BIO* bio, char* to, int size) {
  const auto* wire = static_cast<const Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  while (true) {
    const ssize_t n = ::recv(wire->socket, to, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (n >= 0) return static_cast<int>(n);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) BIO_set_retry_read(bio);
    return -1;
  }
}

int wire_write(BIO* bio, const char* from, int size) {
  auto* wire = static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (wire->unsent.size() > kMostUnsent) {
    BIO_set_retry_write(bio);
    return -1;
  }
  wire->unsent.append(from, static_cast<std::size_t>(size));
  if (!wire->hold && !drain(*wire)) return -1;
  return size;
}

long wire_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* wire_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    must(made != nullptr, "BIO_meth_new");
    BIO_meth_set_read(made, wire_read);
    BIO_meth_set_write(made, wire_write);
    BIO_meth_set_ctrl(made, wire_control);
    return made;
  }();
  return method;
}

// Refuses nothing: the server's caller judges the chain after the handshake.
int accept_any(X509_STORE_CTX*, void*) {
  return 1;
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void* wanted) {
  const auto& alpn = *static_cast<const std::string*>(wanted);
  for (unsigned at = 0; at < in_size; at += 1u + in[at]) {
    const unsigned size = in[at];
    if (at + 1 + size > in_size) break;
    if (std::string_view(reinterpret_cast<const char*>(in) + at + 1, size) == alpn) {
      *out = in + at + 1;
      *out_size = static_cast<unsigned char>(size);
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<std::vector<X509Ptr>> read_certificates(const std::string& pem) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  must(bio != nullptr, "BIO_new_mem_buf");
  std::vector<X509Ptr> certificates;
  while (true) {
    X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    certificates.push_back(std::move(certificate));
    if (certificates.size() > 256) return fail(Code::kInvalid, "too many certificates");
  }
  ERR_clear_error();
  if (certificates.empty()) return fail(Code::kInvalid, "there is no certificate in this PEM text");
  return certificates;
}

int refuse_password(char*, int, int, void*) {
  return -1;
}

bool is_address(const std::string& host) {
  ASN1_OCTET_STRING* parsed = a2i_IPADDRESS(host.c_str());
  if (parsed == nullptr) {
    ERR_clear_error();
    return false;
  }
  ASN1_OCTET_STRING_free(parsed);
  return true;
}

}  // namespace

struct SocketTls::State {
  ContextPtr context;
  std::string alpn;
  std::string host;
  bool is_server = false;
};

SocketTls::SocketTls(std::unique_ptr<State> state) : state_(std::move(state)) {}
SocketTls::~SocketTls() = default;

Result<std::shared_ptr<const SocketTls>> SocketTls::server(const TlsIdentity& identity,
                                                           std::string alpn) {
  auto state = std::make_unique<State>();
  state->is_server = true;
  state->alpn = std::move(alpn);
  state->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = state->context.get();
  must(context != nullptr, "SSL_CTX_new");
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
  SSL_CTX_set_max_cert_list(context, 64 * 1024);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, accept_any, nullptr);
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, &state->alpn);

  TRY(chain, read_certificates(identity.chain_pem));
  const std::string_view key_pem = identity.key_pem.reveal();
  BioPtr bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  must(bio != nullptr, "BIO_new_mem_buf");
  PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, nullptr));
  if (!key) return fail(Code::kInvalid, "the private key cannot be read: " + openssl_reason());
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return fail(Code::kInvalid, "certificate and key do not fit: " + openssl_reason());
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    must(SSL_CTX_add1_chain_cert(context, chain[i].get()) == 1, "SSL_CTX_add1_chain_cert");
  }
  return std::shared_ptr<const SocketTls>(new SocketTls(std::move(state)));
}

Result<std::shared_ptr<const SocketTls>> SocketTls::client(const std::string& roots_pem,
                                                           std::string host) {
  auto state = std::make_unique<State>();
  state->host = std::move(host);
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = state->context.get();
  must(context != nullptr, "SSL_CTX_new");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
  SSL_CTX_set_max_cert_list(context, 64 * 1024);
  // PostgreSQL's default curve first: another first guess costs a round trip.
  SSL_CTX_set1_groups_list(context, "P-256:X25519:P-384");
  if (roots_pem.empty()) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  } else {
    TRY(roots, read_certificates(roots_pem));
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    for (const X509Ptr& root : roots) {
      must(X509_STORE_add_cert(store, root.get()) == 1, "X509_STORE_add_cert");
    }
    // A database's certificate is often its own root.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  return std::shared_ptr<const SocketTls>(new SocketTls(std::move(state)));
}

struct TlsSocket::State {
  std::shared_ptr<const SocketTls> settings;
  Wire wire;  // outlives ssl, whose BIO points to it
  SslPtr ssl;
};

TlsSocket::TlsSocket(std::shared_ptr<const SocketTls> settings, int socket)
    : state_(std::make_unique<State>()) {
  state_->settings = std::move(settings);
  state_->wire.socket = socket;
  const SocketTls::State& made = *state_->settings->state_;
  state_->ssl.reset(SSL_new(made.context.get()));
  SSL* ssl = state_->ssl.get();
  must(ssl != nullptr, "SSL_new");
  BIO* bio = BIO_new(wire_method());
  must(bio != nullptr, "BIO_new");
  BIO_set_data(bio, &state_->wire);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  if (made.is_server) {
    SSL_set_accept_state(ssl);
  } else {
    if (is_address(made.host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), made.host.c_str());
    } else {
      SSL_set_tlsext_host_name(ssl, made.host.c_str());
      SSL_set1_host(ssl, made.host.c_str());
    }
    SSL_set_connect_state(ssl);
  }
}

TlsSocket::~TlsSocket() = default;

TlsSocket::Io TlsSocket::trouble(int result) {
  const int saved_errno = errno;
  switch (SSL_get_error(state_->ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Io::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return Io::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Io::kClosed;
    case SSL_ERROR_SSL: {
      const long verified = SSL_get_verify_result(state_->ssl.get());
      error_ = openssl_reason();
      if (verified != X509_V_OK && SSL_get_verify_mode(state_->ssl.get()) != SSL_VERIFY_NONE &&
          !state_->settings->state_->is_server) {
        error_ = std::string("its certificate is not accepted: ") +
                 X509_verify_cert_error_string(verified);
      }
      return Io::kFailed;
    }
    default:
      ERR_clear_error();
      error_ = saved_errno != 0 ? std::strerror(saved_errno) : "the connection was broken off";
      return Io::kFailed;
  }
}

TlsSocket::Io TlsSocket::handshake() {
  ERR_clear_error();
  errno = 0;
  state_->wire.hold = true;
  const int result = SSL_do_handshake(state_->ssl.get());
  state_->wire.hold = false;
  const Io io = result == 1 ? Io::kDone : trouble(result);
  if (has_unsent()) {
    const Io sent = flush();
    if (io == Io::kFailed) return io;
    // Sent first, or the other side waits for it for ever; the handshake is called again then.
    if (sent != Io::kDone) return sent;
  }
  return io;
}

TlsSocket::Count TlsSocket::read(char* to, std::size_t most) {
  std::size_t total = 0;
  while (total < most) {
    std::size_t count = 0;
    ERR_clear_error();
    errno = 0;
    const int result = SSL_read_ex(state_->ssl.get(), to + total, most - total, &count);
    if (result == 1) {
      total += count;
      continue;
    }
    const Io io = trouble(result);
    if (io == Io::kWantRead) return {io, total};
    // Anything else after data is met again by the next call.
    if (total > 0) break;
    return {io, 0};
  }
  return {Io::kDone, total};
}

TlsSocket::Io TlsSocket::write(std::string_view bytes) {
  ERR_clear_error();
  errno = 0;
  std::size_t count = 0;
  borrow(state_->wire);
  state_->wire.hold = true;
  const int result = SSL_write_ex(state_->ssl.get(), bytes.data(), bytes.size(), &count);
  state_->wire.hold = false;
  if (result != 1) return trouble(result);
  return flush();
}

TlsSocket::Io TlsSocket::flush() {
  if (!drain(state_->wire)) {
    error_ = std::strerror(errno);
    return Io::kFailed;
  }
  return state_->wire.unsent.empty() ? Io::kDone : Io::kWantWrite;
}

bool TlsSocket::has_unsent() const {
  return !state_->wire.unsent.empty();
}
bool TlsSocket::has_unread() const {
  return SSL_has_pending(state_->ssl.get()) == 1;
}

void TlsSocket::close_write() {
  ERR_clear_error();
  SSL_shutdown(state_->ssl.get());
  ERR_clear_error();
}

Result<std::vector<Certificate>> TlsSocket::peer_chain() const {
  std::vector<Certificate> chain;
  X509Ptr leaf(SSL_get1_peer_certificate(state_->ssl.get()));
  if (!leaf) return chain;
  TRY(first, Certificate::from_der(der_of<X509>(leaf.get(), i2d_X509)));
  chain.push_back(std::move(first));
  // A server's chain leaves the leaf out, a client's has it.
  STACK_OF(X509)* others = SSL_get_peer_cert_chain(state_->ssl.get());
  const int count = others == nullptr ? 0 : sk_X509_num(others);
  if (count > 8) return fail(Code::kUnauthenticated, "the certificate chain is too long");
  for (int i = state_->settings->state_->is_server ? 0 : 1; i < count; ++i) {
    TRY(next, Certificate::from_der(der_of<X509>(sk_X509_value(others, i), i2d_X509)));
    chain.push_back(std::move(next));
  }
  return chain;
}

std::string_view TlsSocket::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(state_->ssl.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace writ::crypto
