#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "crypto/openssl.h"
#include "crypto/tls.h"

namespace writ::crypto {
namespace {

using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;

// Where a session's bytes come from and go to.
struct Wire {
  int socket = -1;
  bool fed = false;         // nothing is read from the socket
  bool ended = false;       // nothing more will be fed
  std::string_view unread;  // of what was fed
};

// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE when the other side is gone.
Wire& wire_of(BIO* bio) {
  return *static_cast<Wire*>(BIO_get_data(bio));
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* moved) {
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::send(wire_of(bio).socket, from, size, MSG_NOSIGNAL);
  if (n > 0) {
    *moved = static_cast<std::size_t>(n);
    return 1;
  }
  if (n < 0 && would_block()) BIO_set_retry_write(bio);
  return 0;
}

int bio_read(BIO* bio, char* into, std::size_t size, std::size_t* moved) {
  BIO_clear_retry_flags(bio);
  Wire& wire = wire_of(bio);
  if (wire.fed) {
    if (wire.unread.empty()) {
      BIO_set_flags(bio, wire.ended ? BIO_FLAGS_IN_EOF : BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
      return 0;
    }
    *moved = wire.unread.copy(into, size);
    wire.unread.remove_prefix(*moved);
    return 1;
  }
  const ssize_t n = ::recv(wire.socket, into, size, 0);
  if (n > 0) {
    *moved = static_cast<std::size_t>(n);
    return 1;
  }
  if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  if (n < 0 && would_block()) BIO_set_retry_read(bio);
  return 0;
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

// Nearly always there is none, and to see that is cheaper than to clear.
void clear_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    must(made != nullptr && BIO_meth_set_write_ex(made, bio_write) == 1 &&
             BIO_meth_set_read_ex(made, bio_read) == 1 && BIO_meth_set_ctrl(made, bio_control) == 1,
         "making a socket BIO");
    return made;
  }();
  return method;
}

}  // namespace

struct TlsSession::State {
  std::shared_ptr<const TlsContext> context;
  Wire wire;
  SslPtr ssl;
  std::string protocols;  // that this side speaks, as on the wire
  std::shared_ptr<const Certificate> peer;
  Error failure;

  Outcome outcome_of(int result) {
    const int number_of_errno = errno;
    switch (SSL_get_error(ssl.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return Outcome::kWantRead;
      case SSL_ERROR_WANT_WRITE:
        return Outcome::kWantWrite;
      case SSL_ERROR_ZERO_RETURN:
        return Outcome::kClosed;
      default:
        break;
    }
    const unsigned long number = ERR_peek_error();
    const std::string refused = verify_failure(ssl.get());
    if (!refused.empty()) {
      ERR_clear_error();
      failure = {
          Code::kUnauthenticated, "the other side's certificate was refused: " + refused, {}};
    } else if (number == 0 || ERR_GET_REASON(number) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      const bool ended = number != 0 || number_of_errno == 0 ||
                         BIO_test_flags(SSL_get_rbio(ssl.get()), BIO_FLAGS_IN_EOF) != 0;
      ERR_clear_error();
      failure = {Code::kUnavailable,
                 ended ? "the other side closed the connection"
                       : std::string("the connection broke: ") + std::strerror(number_of_errno),
                 {}};
    } else {
      const bool is_refusal = is_certificate_refusal(number);
      failure = {is_refusal ? Code::kUnauthenticated : Code::kUnavailable,
                 "TLS failed: " + openssl_reason(),
                 {}};
    }
    return Outcome::kFailed;
  }
};

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, int socket, Role role)
    : state_(std::make_unique<State>()) {
  state_->ssl.reset(SSL_new(static_cast<SSL_CTX*>(context->native())));
  BIO* bio = BIO_new(socket_method());
  must(state_->ssl && bio != nullptr, "allocating");
  state_->context = std::move(context);
  state_->wire.socket = socket;
  BIO_set_data(bio, &state_->wire);
  BIO_set_init(bio, 1);
  SSL_set_bio(state_->ssl.get(), bio, bio);
  role == Role::kServer ? SSL_set_accept_state(state_->ssl.get())
                        : SSL_set_connect_state(state_->ssl.get());
}

TlsSession::~TlsSession() = default;
TlsSession::TlsSession(TlsSession&&) noexcept = default;

void TlsSession::feed(std::string_view bytes) {
  state_->wire.fed = true;
  state_->wire.unread = bytes;
}

void TlsSession::feed_end() {
  state_->wire.fed = true;
  state_->wire.ended = true;
}

void TlsSession::keep_buffers() {
  SSL_clear_mode(state_->ssl.get(), SSL_MODE_RELEASE_BUFFERS);
}

void TlsSession::free_buffers() {
  SSL_free_buffers(state_->ssl.get());
}

void TlsSession::offer_server_name(const std::string& host) {
  const bool is_address =
      host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == host.npos;
  if (is_address || host.empty() || host.size() > 253) return;
  SSL_set_tlsext_host_name(state_->ssl.get(), host.c_str());
}

void TlsSession::speak(std::initializer_list<std::string_view> protocols) {
  std::string& list = state_->protocols;
  for (const std::string_view protocol : protocols) {
    list += static_cast<char>(protocol.size());
    list += protocol;
  }
  set_spoken(state_->ssl.get(), list);
  must(SSL_set_alpn_protos(state_->ssl.get(), reinterpret_cast<const unsigned char*>(list.data()),
                           static_cast<unsigned>(list.size())) == 0,
       "naming protocols");
}

TlsSession::Outcome TlsSession::handshake() {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(state_->ssl.get());
  if (result != 1) return state_->outcome_of(result);
  auto peer = peer_certificate(state_->ssl.get());
  if (!peer) {
    // What this room cannot read must not count as "no certificate".
    state_->failure = {Code::kUnauthenticated, peer.error().message, {}};
    return Outcome::kFailed;
  }
  state_->peer = std::move(*peer);
  return Outcome::kDone;
}

TlsSession::Moved TlsSession::read(char* into, std::size_t size) {
  clear_errors();
  errno = 0;
  Moved moved;
  const int result = SSL_read_ex(state_->ssl.get(), into, size, &moved.bytes);
  if (result != 1) moved = {state_->outcome_of(result), 0};
  return moved;
}

TlsSession::Moved TlsSession::write(const char* from, std::size_t size) {
  clear_errors();
  errno = 0;
  Moved moved;
  const int result = SSL_write_ex(state_->ssl.get(), from, size, &moved.bytes);
  if (result != 1) moved = {state_->outcome_of(result), 0};
  return moved;
}

bool TlsSession::has_buffered() const {
  return !state_->wire.unread.empty() || SSL_has_pending(state_->ssl.get()) == 1;
}

void TlsSession::close_notify() {
  ERR_clear_error();
  // OpenSSL forbids it after a failure.
  if (!state_->failure.message.empty()) return;
  if (SSL_is_init_finished(state_->ssl.get()) == 1) SSL_shutdown(state_->ssl.get());
  ERR_clear_error();
}

std::shared_ptr<const Certificate> TlsSession::peer() const {
  return state_->peer;
}

std::string_view TlsSession::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(state_->ssl.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

const Error& TlsSession::failure() const {
  return state_->failure;
}

}  // namespace writ::crypto
