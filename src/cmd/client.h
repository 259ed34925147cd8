// The server, as commands speak to it: JSON calls over TLS with the device's certificate. Machines'
// certificates renew by themselves; a call that needs a fresh second factor asks for it once.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "cmd/context.h"
#include "cmd/home.h"
#include "net/http_client.h"

namespace writ::cmd {

// kNone: a second at most, no questions, no progress; for the shells' completion.
enum class Patience { kUsual, kNone };

class Client {
 public:
  // For the identity of this home. kUnauthenticated, saying how to log in, when its certificate has
  // ended; a machine's is renewed first when less than a third of its life is left.
  static Result<Client> open(Context& context, Home home, Patience patience = Patience::kUsual);
  // Without a certificate, for enrolling and logging in.
  static Result<Client> anonymous(Context& context, std::string_view server,
                                  const std::string& roots_pem, std::string_view trust_domain);

  const Home& home() const { return *home_; }
  Home& home() { return *home_; }

  // Errors are the server's own, or those of net::HttpClient.
  Result<Json> get(std::string_view target);
  Result<Json> post(std::string_view target, const Json& body);
  // The answer as it is, for what is no JSON.
  Result<std::string> fetch(std::string_view target);
  // A command with an id of its own, sent again once when the answer was lost. Answers
  // "result".
  Result<Json> command(std::string_view verb, Json body);

 private:
  Client(Context& context, net::Endpoint endpoint, std::shared_ptr<net::TlsClient> tls,
         Patience patience);

  Result<std::string> call(std::string_view method, std::string_view target, std::string_view body);
  Result<std::string> send(std::string_view method, std::string_view target, std::string_view body);
  Status step_up();

  Context* context_;
  std::optional<Home> home_;  // empty when anonymous
  Patience patience_;
  std::string shown_server_;
  std::unique_ptr<net::HttpClient> http_;
  bool stepped_up_ = false;  // asked for a code already
};

// POST /v1/login for the home's device and keeps the certificate. Answers its end. `code` is empty
// for machines.
Result<Time> log_in(Context& context, Home& home, const Secret& code);

// The home that a command is for: the person's, or that of a machine when `machine` is not empty.
Result<Home> home_for(const Context& context, std::string_view machine);
// Both at once.
Result<Client> client_for(Context& context, std::string_view machine = {});

// Members of answers; kCorrupt when the server left one out.
Result<std::string> text_of(const Json& answer, std::string_view member);
Result<Json> member_of(const Json& answer, std::string_view member);
// The same, empty when absent.
std::string text_or_empty(const Json& answer, std::string_view member);

}  // namespace writ::cmd
