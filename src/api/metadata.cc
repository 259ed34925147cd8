#include "api/metadata.h"

#include "api/context.h"
#include "base/json.h"
#include "crypto/jws.h"

namespace writ::api {
namespace {

std::int64_t seconds(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

void Metadata::sign_with(std::string_view chain_pem, const Secret& key_pem, Time until) {
  std::lock_guard lock(mutex_);
  chain_pem_ = chain_pem;
  key_pem_ = key_pem.clone();
  until_ = until;
  text_.clear();
}

Result<std::string> Metadata::text(const std::string& url, Time now) {
  std::lock_guard lock(mutex_);
  if (!text_.empty() && url_ == url) return text_;
  Json document = Json::object({{"policy_decision_point", url},
                                {"access_evaluation_endpoint", url + "/access/v1/evaluation"},
                                {"access_evaluations_endpoint", url + "/access/v1/evaluations"},
                                {"search_subject_endpoint", url + "/access/v1/search/subject"},
                                {"search_resource_endpoint", url + "/access/v1/search/resource"},
                                {"search_action_endpoint", url + "/access/v1/search/action"}});
  Json claims = document;
  claims.set("iss", url).set("iat", seconds(now)).set("exp", seconds(until_));
  TRY(key, crypto::PrivateKey::from_pem(key_pem_));
  TRY(token, crypto::sign_jwt(key, chain_pem_, claims));
  document.set("signed_metadata", token);
  url_ = url;
  text_ = compact(document);
  return text_;
}

void add_metadata_routes(net::HttpServer& server, const Context& context) {
  server.route("GET", "/.well-known/authzen-configuration",
               [&context](const net::Request&, net::Responder responder) {
                 std::string url = context.url.text();
                 while (url.ends_with('/')) url.pop_back();
                 auto text = context.metadata.text(url, context.plane.time().now());
                 if (!text) return responder.send_error(text.error());
                 net::Response response;
                 response.body = std::move(*text);
                 response.headers.emplace_back("Cache-Control", "max-age=300");
                 responder.send(std::move(response));
               });
}

}  // namespace writ::api
