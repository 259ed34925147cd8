// The service over a real plane in memory: real certificates, real TLS, real calls.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "api/context.h"
#include "api/service.h"
#include "control/fake_target_for_test.h"
#include "core/policy.h"
#include "crypto/random.h"
#include "crypto/totp.h"
#include "crypto/x509.h"
#include "net/http_client.h"
#include "store/faulty_file_system.h"

namespace writ::api {

using control::Done;
using control::Plane;

inline constexpr std::string_view kReader = "pg-main/orders/reader";

// The machine's time, which tests move on.
class MovableClock final : public Clock {
 public:
  Time now() const override { return system_.now() + Millis(ahead_.load()); }
  Millis steady() const override { return system_.steady() + Millis(ahead_.load()); }
  void advance(Millis by) { ahead_ += by.count(); }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> ahead_{0};
};

inline std::string text_of(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
}

// Somebody with a device: its key, and what the server gave for it.
struct Holder {
  crypto::PrivateKey key = *crypto::PrivateKey::generate(crypto::KeyKind::kP256);
  std::string identity;
  std::string device;
  std::string certificate;  // PEM; empty before the first login
  std::string serial;

  std::string csr() const { return crypto::CertificateRequest::create(key)->pem(); }
};

class ServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "service_" + new_id("t", random_);
    std::filesystem::create_directories(folder_);
    control::PlaneOptions options;
    options.data_folder = "data";
    options.kek_file = folder_ + "/kek";
    options.reconciler.first_pause = Millis(5);
    options.reconciler.longest_pause = Millis(20);
    const auto founded =
        Plane::found(options, {"example.org", {"ada", "bob"}, {}}, disk_, clock_, random_);
    ASSERT_TRUE(founded) << founded.error().text();
    roots_ = founded->ca_pem;
    for (const auto& [name, code] : founded->codes) codes_[name] = code;
    auto plane = Plane::open(
        options, disk_, clock_, random_,
        [this](const core::TargetSystem&, Secret) -> Result<std::unique_ptr<core::Target>> {
          return std::make_unique<control::FakeTarget>(system_);
        },
        [](const Error& error) { ADD_FAILURE() << error.text(); });
    ASSERT_TRUE(plane) << plane.error().text();
    plane_ = std::move(*plane);
    plane_->start();
    ServiceOptions service_options;
    if (const char* programs = std::getenv("PATH")) service_options.programs = programs;
    auto service = Service::start(*plane_, service_options);
    ASSERT_TRUE(service) << service.error().text();
    service_ = std::move(*service);
  }
  void TearDown() override {
    service_.reset();
    plane_.reset();
    std::filesystem::remove_all(folder_);
  }

  // One call with this certificate, or none.
  Result<net::Reply> call(const Holder* who, std::string_view method, std::string_view path,
                          const Json& body = {}) {
    crypto::TlsIdentity shown;
    if (who != nullptr) shown = {who->certificate, who->key.to_pem()};
    return call_as(shown, method, path, body.is_null() ? std::string() : compact(body));
  }
  Result<net::Reply> call_as(const crypto::TlsIdentity& shown, std::string_view method,
                             std::string_view path, std::string_view body,
                             const std::vector<net::Header>& headers = {}) {
    TRY(tls,
        net::TlsClient::create(shown, roots_,
                               crypto::ExpectSpiffePrefix{"spiffe://example.org/server/"}, clock_));
    net::HttpClient client({"127.0.0.1", service_->port()}, tls);
    return client.call(method, path, body, headers);
  }
  int status(const Holder* who, std::string_view method, std::string_view path,
             const Json& body = {}) {
    const auto reply = call(who, method, path, body);
    EXPECT_TRUE(reply) << reply.error().text();
    return reply ? reply->status : 0;
  }
  Json body_of(const Result<net::Reply>& reply) {
    EXPECT_TRUE(reply) << reply.error().text();
    auto json = parse_json(reply ? reply->body : "null", {.bytes = 16 << 20});
    EXPECT_TRUE(json) << reply->body.substr(0, 2000);
    return json ? *json : Json();
  }

  Result<net::Reply> enroll(Holder& holder, const std::string& code) {
    auto reply = call(nullptr, "POST", "/v1/enroll",
                      Json::object({{"code", code}, {"csr", holder.csr()}, {"label", "a laptop"}}));
    if (reply && reply->status == 200) {
      const Json json = body_of(reply);
      holder.identity = text_of(json, "identity");
      holder.device = text_of(json, "device");
      take_certificate(holder, json);
    }
    return reply;
  }
  void take_certificate(Holder& holder, const Json& json) {
    holder.certificate = text_of(json, "certificate");
    if (holder.certificate.empty()) return;
    holder.serial = crypto::Certificate::chain_from_pem(holder.certificate)->front().serial();
  }
  Result<net::Reply> login(Holder& holder, const std::optional<std::string>& code) {
    Json body = Json::object({{"device", holder.device}, {"csr", holder.csr()}});
    if (code) body.set("code", *code);
    auto reply = call(nullptr, "POST", "/v1/login", body);
    if (reply && reply->status == 200) take_certificate(holder, body_of(reply));
    return reply;
  }
  Secret seed_of(const std::string& identity) {
    const auto state = plane_->states().get();
    const auto text = plane_->vault().open(state->second_factors.find(identity)->seed);
    return Secret(*from_base64(*text));
  }
  std::string code_of(const std::string& identity) {
    return std::string(
        crypto::totp_code(seed_of(identity), crypto::totp_step(clock_.now())).reveal());
  }
  std::string wrong_code_of(const std::string& identity) {
    const std::string right = code_of(identity);
    for (int i = 0;; ++i) {
      const std::string code = std::to_string(100000 + i);
      if (!crypto::verify_totp(seed_of(identity), code, clock_.now())) return code;
    }
  }
  // The next code is another one.
  void next_step() { clock_.advance(std::chrono::seconds(31)); }

  Holder person(const std::string& name) {
    Holder holder;
    const auto enrolled = enroll(holder, codes_.at(name));
    EXPECT_TRUE(enrolled && enrolled->status == 200) << (enrolled ? enrolled->body : "");
    if (!plane_->states().get()->devices.find(holder.device)->opened_by.empty()) {
      say({core::DeviceConfirmed{holder.device}});
    }
    const auto in = login(holder, code_of(holder.identity));
    EXPECT_TRUE(in && in->status == 200) << (in ? in->body : "");
    next_step();
    return holder;
  }
  Result<net::Reply> command(const Holder& who, std::string_view verb, Json body,
                             const std::string& id = {}) {
    return call(&who, "POST", "/v1/commands",
                Json::object({{"command_id", id.empty() ? new_id("cmd", random_) : id},
                              {"verb", verb},
                              {"body", std::move(body)}}));
  }
  // Another identity, with a device; `ada` administers.
  Holder add(const Holder& ada, const std::string& name, const std::string& kind) {
    Json body = Json::object({{"kind", kind}, {"name", name}});
    if (kind != "user") body.set("owner", "group:administrators");
    const auto added = command(ada, "add_identity", body);
    EXPECT_TRUE(added && added->status == 200) << (added ? added->body : "");
    const auto opened = command(ada, "open_enrollment", Json::object({{"identity", name}}));
    EXPECT_TRUE(opened && opened->status == 200) << (opened ? opened->body : "");
    codes_[name] = text_of(*body_of(opened).find("result"), "code");
    if (kind == "user") return person(name);
    Holder holder;
    const auto enrolled = enroll(holder, codes_[name]);
    EXPECT_TRUE(enrolled && enrolled->status == 200) << (enrolled ? enrolled->body : "");
    return holder;
  }

  // Facts, as commands would have yielded them.
  void say(std::vector<core::EventData> events) {
    const auto said = plane_->writer().run({{"test"}, {}},
                                           [&](const core::State&, Time) -> Result<core::Outcome> {
                                             return core::Outcome{events, {}, {}};
                                           });
    ASSERT_TRUE(said) << said.error().text();
  }
  void add_target(const std::string& name, const std::string& door) {
    auto sealed = plane_->vault().seal("target:" + name, to_base64(std::string(32, 'k')));
    ASSERT_TRUE(sealed);
    core::TargetSystem target{name,     "postgres", "127.0.0.1", 5432,       "disable", "",
                              "writ_c", *sealed,    *sealed,     {"orders"}, ""};
    const std::string owner = "group:administrators";
    core::Resource root{name, "", name, core::Tier::kHigh, "", owner, "", {}};
    core::Resource orders{name + "/orders", name, name, core::Tier::kHigh, "", owner, "", {}};
    core::Entitlement reader{
        name + "/orders/reader", name + "/orders", "reader", "orders", {"orders_reader"}, {}, ""};
    say({core::TargetAdded{target}, core::ResourceAdded{root}, core::ResourceAdded{orders},
         core::EntitlementAdded{reader},
         core::DoorAdded{{door, "postgres", "127.0.0.1", 6432, {name}}}});
  }
  void apply(const std::string& text) { apply_files({{"test.cedar", text}}); }
  // The default policies and these files.
  void apply_files(std::vector<core::PolicyFile> files) {
    files.insert(files.begin(), {"default.cedar", core::default_policies()});
    say(core::apply_files(*plane_->states().get(), files, sha256_hex));
  }
  // A baseline grant that has come alive.
  void give(const std::string& id, const std::string& identity, const std::string& entitlement) {
    core::Grant grant;
    grant.id = id;
    grant.beneficiary = identity;
    grant.entitlement = entitlement;
    grant.cause = core::Cause::kBaseline;
    grant.policy = "anyone-connects";
    grant.login = "writ_" + id;
    grant.duration = std::chrono::minutes(10);
    grant.created = clock_.now();
    say({core::GrantCreated{grant}});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      const auto state = plane_->states().get();
      if (state->grants.find(id)->state == core::GrantState::kActive) return;
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    }
  }
  static Json evaluation(const std::string& subject, std::string_view entitlement,
                         const std::optional<Json>& context) {
    Json body =
        Json::object({{"subject", Json::object({{"type", "identity"}, {"id", subject}})},
                      {"action", Json::object({{"name", "connect"}})},
                      {"resource", Json::object({{"type", "entitlement"}, {"id", entitlement}})}});
    if (context) body.set("context", *context);
    return body;
  }
  static Json seen(std::int64_t door_seq, const std::string& serial) {
    return Json::object(
        {{"door_seq", door_seq}, {"credential", serial}, {"source_ip", "192.0.2.7"}});
  }

  crypto::SystemRandom random_;
  MovableClock clock_;
  store::FaultyFileSystem disk_{1};
  std::shared_ptr<control::FakeSystem> system_ = std::make_shared<control::FakeSystem>();
  std::string folder_;
  std::string roots_;
  std::map<std::string, std::string> codes_;
  std::unique_ptr<Plane> plane_;
  std::unique_ptr<Service> service_;
};

}  // namespace writ::api
