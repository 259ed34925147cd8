#include "access.h"

#include "base/file.h"
#include "cmd/private_folder.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "figures.h"

namespace writ::bench {
namespace {

template <class T>
T must(Result<T> value, const std::string& what) {
  if (!value) die(what + ": " + value.error().text());
  return std::move(*value);
}
void must_do(const Status& status, const std::string& what) {
  if (!status) die(what + ": " + status.error().text());
}

std::string numbered(const std::string& prefix, int number) {
  std::string digits = std::to_string(number);
  return prefix + std::string(3 - std::min<std::size_t>(3, digits.size()), '0') + digits;
}

}  // namespace

Person::Person(const std::string& home)
    : terminal_(cmd::system_terminal()),
      context_{*terminal_, clock_, random_, home, cmd::memory_folder()} {
  client_ = std::make_unique<cmd::Client>(must(cmd::client_for(context_), home));
}

void prepare_access(const std::string& home, const std::string& prefix, int count, Millis duration,
                    Millis step, const std::string& folder) {
  Person person(home);
  cmd::Client& client = person.client();
  Access access;
  for (int i = 0; i < count; ++i) {
    const std::string entitlement = numbered(prefix, i);
    const Json answer =
        must(client.command("request_access",
                            Json::object({{"entitlement", entitlement},
                                          {"purpose", "a measurement"},
                                          {"duration_ms", (duration + i * step).count()}})),
             "request " + entitlement);
    access.grants.push_back({must(cmd::text_of(answer, "grant"), "request"), entitlement, 0, ""});
  }
  for (GrantLine& line : access.grants) {
    const Json grant =
        must(client.get("/v1/grants/" + line.grant + "?wait=active&timeout_ms=30000"), line.grant);
    if (cmd::text_or_empty(grant, "state") != "active") {
      die("the grant " + line.grant + " does not become active: " + compact(grant));
    }
  }
  const auto key =
      must(crypto::PrivateKey::generate(crypto::KeyKind::kP256), "generating a client's key");
  const auto csr = must(crypto::CertificateRequest::create(key), "a certificate request");
  for (GrantLine& line : access.grants) {
    const Json answer =
        must(client.post("/v1/connect", Json::object({{"entitlement", line.entitlement},
                                                      {"csr", csr.pem()},
                                                      {"grant", line.grant}})),
             "connect " + line.entitlement);
    const std::string certificate = must(cmd::text_of(answer, "certificate"), "connect");
    const auto chain = must(crypto::Certificate::chain_from_pem(certificate), "the certificate");
    line.serial = chain.front().serial();
    access.subject = chain.front().spiffe_id();
    must_do(write_file(folder + "/" + line.grant + ".crt", certificate, 0600), folder);
    line.until_ms = unix_ms(
        must(parse_time(must(cmd::text_of(answer, "until"), "connect")), "the grant's end"));
    const Json door = must(cmd::member_of(answer, "door"), "connect");
    access.host = must(cmd::text_of(door, "host"), "the door");
    access.port = *must(cmd::member_of(door, "port"), "the door").as_int();
    if (&line == &access.grants.back()) {
      must_do(write_file(folder + "/root.crt", must(cmd::text_of(answer, "roots"), "roots"), 0600),
              folder);
    }
  }
  access.user = client.home().config().name;
  must_do(write_file(folder + "/client.key", key.to_pem().reveal(), 0600), folder);
  must_do(write_file(folder + "/access.json", compact(to_json(access)), 0600), folder);
}

Access read_access(const std::string& folder) {
  const std::string text = must(read_file(folder + "/access.json", 1 << 20), folder);
  return must(from_json<Access>(must(parse_json(text), folder)), folder);
}

std::string door_conninfo(const std::string& folder, const Access& access, const GrantLine& grant) {
  return "host=" + access.host + " port=" + std::to_string(access.port) +
         " dbname=" + grant.entitlement + " user=" + access.user +
         " sslmode=verify-full gssencmode=disable sslcert=" + folder + "/" + grant.grant +
         ".crt sslkey=" + folder + "/client.key sslrootcert=" + folder + "/root.crt";
}

}  // namespace writ::bench
