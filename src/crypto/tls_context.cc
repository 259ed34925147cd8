#include <openssl/ssl.h>

#include "crypto/openssl.h"
#include "crypto/svid.h"
#include "crypto/tls.h"

namespace writ::crypto {
namespace {

using SslContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;

// What is demanded of the other side. Owned by its SSL_CTX, so it lives as long as any connection.
struct Demand {
  const Clock* clock;
  CertificateUsage usage;
  std::optional<ExpectedServer> server;  // of a client
};

void free_demand(void*, void* demand, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Demand*>(demand);
}
void free_text(void*, void* text, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<std::string*>(text);
}

int demand_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_demand);
  return index;
}
int failure_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_text);
  return index;
}

int spoken_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// RFC 7301 section 3.2: the first of ours that the client names, or the end of the handshake.
int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* named, unsigned named_size, void*) {
  const auto* ours = static_cast<const std::string*>(SSL_get_ex_data(ssl, spoken_index()));
  if (ours == nullptr) return SSL_TLSEXT_ERR_NOACK;
  unsigned char* found = nullptr;
  const int result =
      SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours->data()),
                            static_cast<unsigned>(ours->size()), named, named_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void remember_failure(SSL* ssl, std::string why) {
  auto* text = static_cast<std::string*>(SSL_get_ex_data(ssl, failure_index()));
  if (text == nullptr) {
    text = new std::string;
    SSL_set_ex_data(ssl, failure_index(), text);
  }
  *text = std::move(why);
}

Status check_host(X509* leaf, const std::string& host) {
  constexpr unsigned kFlags =
      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  if (X509_check_ip_asc(leaf, host.c_str(), 0) == 1 ||
      X509_check_host(leaf, host.data(), host.size(), kFlags, nullptr) == 1) {
    return {};
  }
  return fail(Code::kUnauthenticated, "the server's certificate is not one for \"" + host + "\"");
}

Status check_expected(X509_STORE_CTX* context, const ExpectedServer& expected) {
  X509* leaf = sk_X509_value(X509_STORE_CTX_get0_chain(context), 0);
  if (const auto* host = std::get_if<ExpectHost>(&expected)) return check_host(leaf, host->name);
  TRY(id, spiffe_id_of(leaf));
  const auto* exact = std::get_if<ExpectSpiffe>(&expected);
  const auto* prefix = std::get_if<ExpectSpiffePrefix>(&expected);
  if ((exact != nullptr && id == exact->id) ||
      (prefix != nullptr && id.size() > prefix->prefix.size() && id.starts_with(prefix->prefix))) {
    return {};
  }
  return fail(Code::kUnauthenticated, "the server is " + id + ", not " +
                                          (exact != nullptr ? exact->id : prefix->prefix + "…"));
}

Status check_peer(X509_STORE_CTX* context, const Demand& demand) {
  const bool is_svid = !demand.server || !std::holds_alternative<ExpectHost>(*demand.server);
  const Time now = demand.clock->now();
  if (is_svid) {
    prepare_svid_check(context, now);
  } else {
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context),
                               static_cast<std::time_t>(unix_ms(now) / 1000));
  }
  if (X509_verify_cert(context) != 1) {
    return fail(Code::kUnauthenticated,
                X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
  }
  if (is_svid) CHECK_OK(check_verified_svid(context, demand.usage));
  if (demand.server) CHECK_OK(check_expected(context, *demand.server));
  return {};
}

// Called by OpenSSL in place of its own chain check; 1 accepts.
int verify_callback(X509_STORE_CTX* context, void* argument) {
  const Status good = check_peer(context, *static_cast<const Demand*>(argument));
  if (good) return 1;
  if (X509_STORE_CTX_get_error(context) == X509_V_OK) {
    X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
  }
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  remember_failure(ssl, good.error().message);
  return 0;
}

Status use_identity(SSL_CTX* context, const TlsIdentity& identity) {
  TRY(chain, Certificate::chain_from_pem(identity.chain_pem));
  TRY(leaf, native_certificate(chain.front()));
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return fail(Code::kInvalid, "the certificate cannot be used: " + openssl_reason());
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    TRY(other, native_certificate(chain[i]));
    must(SSL_CTX_add1_chain_cert(context, other.get()) == 1, "allocating");
  }
  TRY(key, PrivateKey::from_pem(identity.key_pem));
  if (!chain.front().has_known_key() || !(chain.front().public_key() == key.public_key()) ||
      SSL_CTX_use_PrivateKey(context, NativeKey::of(key)) != 1) {
    ERR_clear_error();
    return fail(Code::kInvalid, "the private key is not that of the certificate");
  }
  return {};
}

Result<SslContextPtr> make_context(const SSL_METHOD* method, const TlsIdentity* identity,
                                   const std::string& roots_pem, std::unique_ptr<Demand> demand) {
  SslContextPtr context(SSL_CTX_new(method));
  must(context != nullptr, "allocating");
  SSL_CTX* const native = context.get();
  must(SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(native, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(native,
                                    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                    "TLS_CHACHA20_POLY1305_SHA256") == 1,
       "limiting TLS to 1.3");
  // A resumed connection would skip the certificates.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_mode(native, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(native, 1);
  TRY(roots, Certificate::chain_from_pem(roots_pem));
  X509_STORE* store = SSL_CTX_get_cert_store(native);
  for (const Certificate& root : roots) {
    TRY(certificate, native_certificate(root));
    must(X509_STORE_add_cert(store, certificate.get()) == 1, "adding a root");
  }
  if (identity != nullptr) CHECK_OK(use_identity(native, *identity));
  Demand* const raw = demand.get();
  must(SSL_CTX_set_ex_data(native, demand_index(), raw) == 1, "allocating");
  static_cast<void>(demand.release());  // it is the context's now
  SSL_CTX_set_cert_verify_callback(native, verify_callback, raw);
  return context;
}

}  // namespace

struct TlsContext::State {
  SslContextPtr context;
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;
void* TlsContext::native() const {
  return state_->context.get();
}

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const TlsIdentity& identity,
                                                             const std::string& roots_pem,
                                                             ClientCertificate client,
                                                             const Clock& clock) {
  auto demand = std::make_unique<Demand>(Demand{&clock, CertificateUsage::kClient, std::nullopt});
  TRY(context, make_context(TLS_server_method(), &identity, roots_pem, std::move(demand)));
  const int needed = client == ClientCertificate::kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | needed, nullptr);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  return std::shared_ptr<const TlsContext>(
      new TlsContext(std::make_unique<State>(State{std::move(context)})));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const TlsIdentity& identity,
                                                             const std::string& roots_pem,
                                                             const ExpectedServer& expected,
                                                             const Clock& clock) {
  if (const auto* id = std::get_if<ExpectSpiffe>(&expected)) CHECK_OK(check_spiffe_id(id->id));
  auto demand = std::make_unique<Demand>(Demand{&clock, CertificateUsage::kServer, expected});
  const TlsIdentity* shown = identity.chain_pem.empty() ? nullptr : &identity;
  TRY(context, make_context(TLS_client_method(), shown, roots_pem, std::move(demand)));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return std::shared_ptr<const TlsContext>(
      new TlsContext(std::make_unique<State>(State{std::move(context)})));
}

Result<std::shared_ptr<const Certificate>> peer_certificate(void* ssl) {
  const X509Ptr native(SSL_get1_peer_certificate(static_cast<SSL*>(ssl)));
  if (!native) return std::shared_ptr<const Certificate>();
  TRY(certificate, Certificate::from_der(der_of<X509>(native.get(), i2d_X509)));
  return std::make_shared<const Certificate>(std::move(certificate));
}

void set_spoken(void* ssl, const std::string& protocols) {
  must(SSL_set_ex_data(static_cast<SSL*>(ssl), spoken_index(),
                       const_cast<std::string*>(&protocols)) == 1,
       "allocating");
}

std::string verify_failure(void* ssl) {
  const auto* text =
      static_cast<const std::string*>(SSL_get_ex_data(static_cast<SSL*>(ssl), failure_index()));
  return text != nullptr ? *text : std::string();
}

bool is_certificate_refusal(unsigned long number) {
  if (ERR_GET_LIB(number) != ERR_LIB_SSL) return false;
  switch (ERR_GET_REASON(number)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

}  // namespace writ::crypto
