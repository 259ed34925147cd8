// A server of the API as far as commands need it, over real TLS on a free port, and a home that is
// enrolled with it. Tests give it its answers and read what it was sent.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>

#include "cmd/context.h"
#include "cmd/folder_for_test.h"
#include "cmd/home.h"
#include "cmd/terminal_for_test.h"
#include "cmd/verbs.h"
#include "net/http_server.h"
#include "net/pki_for_test.h"

namespace writ::cmd {

struct Call {
  std::string method;
  std::string target;  // with its query
  std::string body;
  std::string serial;  // of the certificate that was shown; empty for none
};

class FakeServer {
 public:
  using Answer = std::function<net::Response(const Call&)>;

  explicit FakeServer(const Clock& clock)
      : pki(clock),
        server_(pki.tls_server(net::ClientCertificate::kOptional), clock,
                net::HttpServerOptions{}) {
    std::string pattern;
    const char* names[] = {"/{a}", "/{b}", "/{c}", "/{d}", "/{e}", "/{f}", "/{g}"};
    for (const char* name : names) {
      pattern += name;
      for (const char* method : {"GET", "POST"}) {
        server_.route(method, pattern,
                      [this](const net::Request& request, net::Responder responder) {
                        responder.send(answer(request));
                      },
                      {.body = 24 << 20});
      }
    }
    if (!server_.start()) std::abort();
  }
  ~FakeServer() { server_.stop(Millis(0)); }

  // The answer to one call; the longest prefix of "METHOD /path" wins.
  void on(const std::string& prefix, Answer answer) { answers_[prefix] = std::move(answer); }
  void on(const std::string& prefix, Json json) {
    on(prefix, [json](const Call&) { return net::json_response(json); });
  }
  std::vector<Call> calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  std::vector<Call> calls(const std::string& target) {
    std::vector<Call> found;
    for (const Call& call : calls()) {
      if (call.target == target) found.push_back(call);
    }
    return found;
  }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(server_.port()); }

  // An enrolled home of `kind` in `folder`, logged in for `life` from one second ago.
  Home enrolled(const std::string& folder, const std::string& kind = "user",
                Millis life = std::chrono::hours(1)) {
    auto home = Home::create(folder);
    if (!home) throw std::runtime_error(home.error().text());
    const auto key = *crypto::PrivateKey::generate(crypto::KeyKind::kP256);
    HomeConfig config{url(),   "test",       "idn_alice", kind, "alice", "spiffe://test/user/alice",
                      "dev_1", std::nullopt, std::nullopt};
    EXPECT_TRUE(home->keep_key(key, pki.random));
    EXPECT_TRUE(home->keep_roots(pki.roots()));
    EXPECT_TRUE(home->keep_certificate(certificate_for(key.public_key(), life)));
    EXPECT_TRUE(home->save(config));
    return std::move(*home);
  }

  std::string certificate_for(const crypto::PublicKey& key, Millis life) {
    return pki.authority
        .issue({.public_key = key,
                .spiffe_id = "spiffe://test/user/alice",
                .common_name = "alice",
                .dns_names = {},
                .ip_addresses = {},
                .not_before = pki.clock.now() - Millis(1000),
                .not_after = pki.clock.now() + life,
                .usage = crypto::CertificateUsage::kClient},
               pki.random)
        ->pem();
  }

  net::Pki pki;

 private:
  net::Response answer(const net::Request& request) {
    Call call{std::string(request.method), std::string(request.path), std::string(request.body),
              request.peer ? request.peer->serial() : ""};
    const std::string key = call.method + " " + call.target;
    if (!request.query.empty()) call.target += "?" + std::string(request.query);
    {
      std::lock_guard lock(mutex_);
      calls_.push_back(call);
    }
    const Answer* best = nullptr;
    std::size_t longest = 0;
    for (const auto& [prefix, each] : answers_) {
      if (key.starts_with(prefix) && prefix.size() >= longest) {
        longest = prefix.size();
        best = &each;
      }
    }
    if (best != nullptr) return (*best)(call);
    return net::error_response({Code::kNotFound, "there is no such route", ""});
  }

  std::map<std::string, Answer> answers_;  // set before calls come
  std::mutex mutex_;
  std::vector<Call> calls_;  // guarded by mutex_
  net::HttpServer server_;   // last: its threads use the rest
};

// A person at a terminal, with a home of their own.
struct Desk {
  explicit Desk(const Clock& clock)
      : context{terminal, clock, random, folder.path + "/home", folder.path} {}
  int run(std::initializer_list<std::string> words) {
    terminal.output.clear();
    terminal.notes.clear();
    return cmd::run(context, std::vector<std::string>(words));
  }

  TestFolder folder;
  TestTerminal terminal;
  crypto::SystemRandom random;
  Context context;
};

}  // namespace writ::cmd
