#include "cmd/client.h"

#include "cmd/text.h"

namespace writ::cmd {
namespace {

constexpr std::size_t kMostReply = 40 << 20;  // a whole policy set, as JSON
constexpr net::ClientLimits kLimits{
    .connect_time = Millis(5'000), .reply_time = Millis(45'000), .reply_body = kMostReply};
constexpr net::ClientLimits kQuickLimits{
    .connect_time = Millis(500), .reply_time = Millis(1'000), .reply_body = kMostReply};

Result<Json> parse_answer(const std::string& text) {
  JsonLimits limits;
  limits.bytes = kMostReply;
  limits.items = 4'000'000;
  auto json = parse_json(text, limits);
  if (!json) return fail(Code::kCorrupt, "the server's answer is no JSON: " + json.error().text());
  return json;
}

Result<std::shared_ptr<net::TlsClient>> tls_for(const Context& context, const Home& home,
                                                const crypto::TlsIdentity& identity) {
  TRY(roots, home.roots());
  return net::TlsClient::create(
      identity, roots,
      net::ExpectSpiffePrefix{"spiffe://" + home.config().trust_domain + "/server/"},
      context.clock);
}

// What part of the certificate's life is left, and whether it has ended.
enum class Life { kFresh, kShort, kEnded };
Life life_of(const crypto::Certificate& certificate, Time now) {
  if (now >= certificate.not_after()) return Life::kEnded;
  const Millis life = certificate.not_after() - certificate.not_before();
  return (certificate.not_after() - now) * 3 < life ? Life::kShort : Life::kFresh;
}

// A chain that may be used now.
Result<std::string> live_certificate(Context& context, Home& home) {
  auto pem = home.certificate();
  const bool person = home.config().is_person();
  Life life = Life::kEnded;
  Time end{};
  if (pem) {
    TRY(chain, crypto::Certificate::chain_from_pem(*pem));
    if (chain.empty())
      return fail(Code::kCorrupt, "there is no certificate in the home's cert.pem");
    life = life_of(chain.front(), context.clock.now());
    end = chain.front().not_after();
  } else if (person || pem.error().code != Code::kUnauthenticated) {
    return pem;
  }
  if (life == Life::kFresh || (person && life == Life::kShort)) return pem;
  if (person) {
    return fail(Code::kUnauthenticated,
                "your login ended at " + short_time(end) + " UTC; run: writ login");
  }
  const auto renewed = log_in(context, home, Secret());
  // An old certificate that still holds is good enough when the server cannot renew it now.
  if (!renewed && life == Life::kEnded) return fail(renewed);
  return home.certificate();
}

}  // namespace

Client::Client(Context& context, net::Endpoint endpoint, std::shared_ptr<net::TlsClient> tls,
               Patience patience)
    : context_(&context),
      patience_(patience),
      shown_server_(net::to_text(endpoint)),
      http_(std::make_unique<net::HttpClient>(
          std::move(endpoint), std::move(tls),
          patience == Patience::kUsual ? kLimits : kQuickLimits)) {}

Result<Client> Client::open(Context& context, Home home, Patience patience) {
  TRY(chain, patience == Patience::kUsual ? live_certificate(context, home) : home.certificate());
  TRY(key, home.key());
  TRY(endpoint, net::parse_endpoint(home.config().server));
  TRY(tls, tls_for(context, home, {chain, key.to_pem()}));
  Client client(context, std::move(endpoint), std::move(tls), patience);
  client.home_ = std::move(home);
  return client;
}

Result<Client> Client::anonymous(Context& context, std::string_view server,
                                 const std::string& roots_pem, std::string_view trust_domain) {
  TRY(endpoint, net::parse_endpoint(server));
  TRY(tls, net::TlsClient::create(
               {}, roots_pem,
               net::ExpectSpiffePrefix{"spiffe://" + std::string(trust_domain) + "/server/"},
               context.clock));
  return Client(context, std::move(endpoint), std::move(tls), Patience::kUsual);
}

Result<std::string> Client::send(std::string_view method, std::string_view target,
                                 std::string_view body) {
  std::unique_ptr<Terminal::Wait> waiting;
  if (patience_ == Patience::kUsual) {
    waiting = context_->terminal.wait("waiting for " + shown_server_);
  }
  std::vector<net::Header> headers;
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  TRY(reply, http_->call(method, target, body, headers));
  if (reply.status >= 400) return tl::unexpected<Error>(net::error_of(reply));
  return std::move(reply.body);
}

Status Client::step_up() {
  if (context_->terminal.interactive()) {
    context_->terminal.note("This needs a fresh code from your authenticator.\n");
  }
  TRY(code, context_->terminal.read_secret("Code: "));
  const Json body = Json::object({{"code", code.reveal()}});
  CHECK_OK(send("POST", "/v1/step-up", canonical(body)));
  return {};
}

Result<std::string> Client::call(std::string_view method, std::string_view target,
                                 std::string_view body) {
  auto answer = send(method, target, body);
  if (answer || answer.error().code != Code::kDenied || answer.error().where != "mfa" ||
      stepped_up_ || !home_ || patience_ == Patience::kNone) {
    return answer;
  }
  stepped_up_ = true;
  if (const auto shown = step_up(); !shown) {
    if (shown.error().where != "stdin") return fail(shown);
    return fail(Code::kDenied, "this needs a fresh code of the authenticator on standard input",
                "mfa");
  }
  return send(method, target, body);
}

Result<Json> Client::get(std::string_view target) {
  TRY(text, call("GET", target, {}));
  return parse_answer(text);
}

Result<Json> Client::post(std::string_view target, const Json& body) {
  TRY(text, call("POST", target, canonical(body)));
  return parse_answer(text);
}

Result<std::string> Client::fetch(std::string_view target) {
  return call("GET", target, {});
}

Result<Json> Client::command(std::string_view verb, Json body) {
  const Json whole = Json::object(
      {{"command_id", new_id("cli", context_->random)}, {"verb", verb}, {"body", std::move(body)}});
  // A policy set may be larger than what the other path takes.
  const std::string_view path =
      verb == "apply_policy" ? "/v1/commands/apply_policy" : "/v1/commands";
  auto answer = post(path, whole);
  // With the same id, so it happens once even if the first one arrived.
  if (!answer && answer.error().code == Code::kUnavailable) answer = post(path, whole);
  if (!answer) return answer;
  return member_of(*answer, "result");
}

Result<Time> log_in(Context& context, Home& home, const Secret& code) {
  TRY(key, home.key());
  TRY(csr, crypto::CertificateRequest::create(key));
  TRY(roots, home.roots());
  TRY(client, Client::anonymous(context, home.config().server, roots, home.config().trust_domain));
  Json body = Json::object({{"device", home.config().device}, {"csr", csr.pem()}});
  if (!code.empty()) body.set("code", Json(code.reveal()));
  TRY(answer, client.post("/v1/login", body));
  TRY(chain, text_of(answer, "certificate"));
  TRY(until, text_of(answer, "until"));
  TRY(certificates, crypto::Certificate::chain_from_pem(chain));
  if (certificates.empty() || certificates.front().spiffe_id() != home.config().spiffe_id ||
      !(certificates.front().public_key() == key.public_key())) {
    return fail(Code::kCorrupt, "the server answered with a certificate for somebody else");
  }
  CHECK_OK(home.keep_certificate(chain));
  return parse_time(until);
}

Result<Home> home_for(const Context& context, std::string_view machine) {
  if (machine.empty()) return Home::open(context.home);
  TRY(folder, machine_folder(context.home, machine));
  auto home = Home::open(folder);
  if (!home && home.error().code == Code::kNotFound) {
    const std::string near = nearest(machine, machines_of(context.home));
    return fail(Code::kNotFound,
                "no machine of this name is enrolled here; " +
                    (near.empty() ? "run: writ enroll --as " + std::string(machine)
                                  : "did you mean " + near + "?"),
                std::string(machine));
  }
  return home;
}

Result<Client> client_for(Context& context, std::string_view machine) {
  TRY(home, home_for(context, machine));
  return Client::open(context, std::move(home));
}

Result<Json> member_of(const Json& answer, std::string_view member) {
  const Json* value = answer.find(member);
  if (value == nullptr) {
    return fail(Code::kCorrupt, "the server's answer lacks \"" + std::string(member) + "\"");
  }
  return *value;
}

Result<std::string> text_of(const Json& answer, std::string_view member) {
  const Json* value = answer.find(member);
  if (value == nullptr || value->as_string() == nullptr) {
    return fail(Code::kCorrupt, "the server's answer lacks \"" + std::string(member) + "\"");
  }
  return *value->as_string();
}

std::string text_or_empty(const Json& answer, std::string_view member) {
  const Json* value = answer.find(member);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : "";
}

}  // namespace writ::cmd
