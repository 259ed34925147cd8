#include "net/asio.h"

#include <openssl/ssl.h>

namespace writ::net {

asio::ssl::context asio_context(const crypto::TlsContext& context) {
  auto* native = static_cast<SSL_CTX*>(context.native());
  SSL_CTX_up_ref(native);
  return asio::ssl::context(native);
}

Error to_error(const boost::system::error_code& error, std::string_view doing) {
  const bool is_refusal = error.category() == asio::error::get_ssl_category() &&
                          crypto::is_certificate_refusal(static_cast<unsigned long>(error.value()));
  return {is_refusal ? Code::kUnauthenticated : Code::kUnavailable,
          std::string(doing) + " failed: " + error.message(),
          {}};
}

}  // namespace writ::net
