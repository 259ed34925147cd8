// A Writ server as a door sees it (docs/door-protocol.md): answers decisions, keeps the stream,
// checks that reports have no gap, and remembers them.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/bytes.h"
#include "base/json.h"
#include "net/http_server.h"

namespace writ::door::postgres {

class ServerForTest {
 public:
  struct Grant {
    std::string id;
    std::string login;
    std::string database = "orders";
    Time until;
    Millis autonomy{60'000};
  };

  explicit ServerForTest(const Clock& clock) : clock_(clock) {}
  ~ServerForTest() { stop(); }

  void start(std::shared_ptr<net::TlsServer> tls) {
    net::HttpServerOptions options;
    options.port = port_;
    server_ = std::make_unique<net::HttpServer>(std::move(tls), clock_, options);
    server_->route("POST", "/access/v1/evaluation",
                   [this](const net::Request& request, net::Responder responder) {
                     const Json question = *parse_json(request.body);
                     if (!before_answer)
                       return responder.send(net::json_response(decide(question)));
                     // What comes before the answer may wait for the door.
                     late_.emplace_back([this, question, late = std::move(responder)]() mutable {
                       before_answer();
                       late.send(net::json_response(decide(question)));
                     });
                   });
    server_->route("POST", "/v1/baseline",
                   [this](const net::Request& request, net::Responder responder) {
                     std::lock_guard lock(mutex_);
                     baselines.push_back(*parse_json(request.body));
                     grants["pg-main/orders/open"] = baseline_grant;
                     responder.send(net::json_response(Json::object({{"ok", true}})));
                   });
    server_->stream("/v1/door/stream", [this](const net::Request&, net::StreamOffer offer) {
      net::LineHandlers handlers;
      handlers.on_line = [this](net::LineStream& stream, std::string_view line) {
        heard(stream, *parse_json(line));
      };
      handlers.on_close = [](net::LineStream&, const Error&) {};
      auto stream = offer.accept(std::move(handlers));
      std::lock_guard lock(mutex_);
      stream_ = std::move(stream);
    });
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().text();
    port_ = server_->port();
  }
  // The port stays reserved for the next start.
  void stop() {
    for (std::thread& thread : late_) thread.join();
    late_.clear();
    if (server_) server_->stop(Millis(0));
    server_.reset();
    std::lock_guard lock(mutex_);
    stream_.reset();
  }

  std::uint16_t port() const { return port_; }
  void cut(const std::string& grant, const std::string& command = "cmd_1") {
    cut(std::vector<std::string>{grant}, command);
  }
  void cut(const std::vector<std::string>& ids, const std::string& command) {
    std::lock_guard lock(mutex_);
    const Json line = Json::object({{"type", "cut"},
                                    {"command", command},
                                    {"grants", to_json(ids)},
                                    {"reason", "revoked by a test"}});
    EXPECT_TRUE(stream_ && stream_->send(compact(line)));
  }
  void cut_certificate(const std::string& serial) {
    std::lock_guard lock(mutex_);
    const Json line = Json::object({{"type", "cut"},
                                    {"command", "cmd_2"},
                                    {"certificates", Json::array({serial})},
                                    {"reason", "its certificate was revoked"}});
    EXPECT_TRUE(stream_ && stream_->send(compact(line)));
  }
  // Waits until `condition`, called with the lock held, is true; false after 20 s.
  bool wait(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }
  // Reports of that type; with the lock held, or when nothing comes any more.
  std::vector<Json> of_type(std::string_view type) const {
    std::vector<Json> found;
    for (const auto& [seq, report] : reports) {
      if (*report.find("type") == Json(type)) found.push_back(report);
    }
    return found;
  }
  bool wait_for_reports(std::string_view type, std::size_t count) {
    return wait([&] { return of_type(type).size() >= count; });
  }
  static std::string text(const Json& json, std::string_view member) {
    const Json* found = json.find(member);
    return found != nullptr && found->as_string() ? *found->as_string() : "";
  }

  // Guarded by the mutex once the server runs; tests set them before.
  std::map<std::string, Grant> grants;  // by entitlement
  Grant baseline_grant;
  Json targets = Json::array();
  Json checkpoint = Json::object({{"journal", ""}, {"decisions", ""}});
  std::map<std::int64_t, Json> reports;
  std::vector<Json> hellos;
  std::vector<Json> questions;
  std::vector<Json> baselines;
  bool acknowledge = true;
  std::function<void()>
      before_answer;  // called for each decision, on a thread of its own, without the lock

 private:
  Json decide(const Json& question) {
    std::lock_guard lock(mutex_);
    questions.push_back(question);
    const std::int64_t number = *question.find("context")->find("door_seq")->as_int();
    EXPECT_TRUE(door_seqs_.insert(number).second) << "door_seq " << number << " twice";
    const std::string wanted = text(*question.find("resource"), "id");
    const auto found = grants.find(wanted);
    changed_.notify_all();
    if (found == grants.end()) {
      const bool open = wanted == "pg-main/orders/open";
      return Json::object(
          {{"decision", false},
           {"context",
            Json::object({{"decision_id", "dec_1"},
                          {"needs", Json::array({open ? "baseline_grant" : "grant"})},
                          {"message", "no live grant; ask with: writ request " + wanted}})}});
    }
    const Grant& grant = found->second;
    return Json::object({{"decision", true},
                         {"context", Json::object({{"decision_id", "dec_2"},
                                                   {"grant", grant.id},
                                                   {"login", grant.login},
                                                   {"database", grant.database},
                                                   {"until", to_text(grant.until)},
                                                   {"now", to_text(clock_.now())},
                                                   {"autonomy_ms", grant.autonomy.count()}})}});
  }

  void heard(net::LineStream& stream, const Json& line) {
    std::lock_guard lock(mutex_);
    const std::string type = text(line, "type");
    if (type == "hello") {
      hellos.push_back(line);
      const std::int64_t acked = reports.empty() ? 0 : reports.rbegin()->first;
      EXPECT_TRUE(stream.send(compact(Json::object({{"type", "welcome"},
                                                    {"acked", acked},
                                                    {"checkpoint", checkpoint},
                                                    {"news", "is ignored"},
                                                    {"targets", targets}}))));
    } else if (type != "sessions") {
      const std::int64_t seq = *line.find("seq")->as_int();
      const std::int64_t last = reports.empty() ? 0 : reports.rbegin()->first;
      EXPECT_LE(seq, last + 1) << "a gap in the door's reports";
      if (reports.contains(seq)) {
        EXPECT_EQ(reports[seq], line) << "a number used twice";
      }
      reports[seq] = line;
      if (acknowledge) {
        (void)stream.send(compact(Json::object({{"type", "ack"}, {"seq", seq}})));
      }
    }
    changed_.notify_all();
  }

  const Clock& clock_;
  std::uint16_t port_ = 0;
  std::unique_ptr<net::HttpServer> server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<net::LineStream> stream_;
  std::set<std::int64_t> door_seqs_;
  std::vector<std::thread> late_;
};

}  // namespace writ::door::postgres
