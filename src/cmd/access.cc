// request, withdraw, revoke: asking for access and giving it back.
#include <chrono>
#include <thread>

#include "cmd/client.h"
#include "cmd/story.h"
#include "cmd/text.h"
#include "cmd/verbs.h"
#include "net/http.h"

namespace writ::cmd {
namespace {

constexpr Millis kPoll{1'000};
constexpr Millis kObserve{10'000};

// ID of the grant that a request became, once it is decided. The error says how it ended otherwise.
Result<std::string> wait_for_decision(Context& context, Client& client, const std::string& id) {
  const auto waiting = context.terminal.wait("waiting for a decision on " + id);
  while (true) {
    TRY(story, read_story(client, id));
    bool approved = false;
    for (const Happened& happened : story) {
      if (happened.kind == "grant_created") return happened.grant;
      if (happened.kind != "request_closed") continue;
      approved = happened.outcome == "approved";
      if (!approved) return fail(Code::kDenied, "the request was " + happened.outcome, id);
    }
    if (approved) return fail(Code::kConflict, "the grant has ended already", id);
    std::this_thread::sleep_for(kPoll);
  }
}

// How far a grant has come, at the latest after `kObserve`.
struct End {
  std::string state;
  std::vector<Happened> story;
  Json answer;
};

// Whoever may revoke a grant need not be one who may look at it; its story then has to do.
Result<End> wait_for_end(Client& client, const std::string& grant) {
  auto reached = client.get("/v1/grants/" + net::percent_encode(grant) +
                            "?wait=ended&timeout_ms=" + std::to_string(kObserve.count()));
  if (reached) {
    const Json* tail = reached->find("story_tail");
    return End{text_or_empty(*reached, "state"),
               tail == nullptr ? std::vector<Happened>() : happened_in(*tail), *reached};
  }
  if (reached.error().code != Code::kDenied && reached.error().code != Code::kNotFound) {
    return fail(std::move(reached));
  }
  const auto until = std::chrono::steady_clock::now() + kObserve;
  while (true) {
    auto story = read_story(client, grant);
    if (!story) return End{"revoking", {}, Json::object({{"grant", grant}, {"state", "revoking"}})};
    for (const Happened& happened : *story) {
      if (happened.kind != "grant_ended") continue;
      return End{"ended", std::move(*story), Json::object({{"grant", grant}, {"state", "ended"}})};
    }
    if (std::chrono::steady_clock::now() > until) {
      return End{"revoking", std::move(*story),
                 Json::object({{"grant", grant}, {"state", "revoking"}})};
    }
    std::this_thread::sleep_for(kPoll / 4);
  }
}

void say_granted(Context& context, const std::string& grant, const std::string& entitlement,
                 const std::string& machine) {
  context.terminal.out("Granted: " + grant + "\n");
  context.terminal.out("Next:    writ " +
                       (machine.empty()
                            ? "connect " + entitlement
                            : "run --as " + machine + " " + entitlement + " -- COMMAND…") +
                       "\n");
}

void say_pending(Context& context, const Json& result, const std::string& id) {
  context.terminal.out("Asked:   " + id + "\n");
  const std::string terms = text_or_empty(result, "terms");
  if (!terms.empty()) context.terminal.out("Terms:   " + printable(terms) + "\n");
  if (const auto until = parse_time(text_or_empty(result, "until"))) {
    context.terminal.out("Pending: until " + short_time(*until) + " UTC\n");
  }
  context.terminal.out("Next:    another person runs: writ approve " + id + "\n");
}

Result<int> request(Context& context, const Args& args) {
  const std::string& entitlement = args.operand("ENTITLEMENT");
  const std::string machine = args.option_or("--as", "");
  Json body = Json::object({{"entitlement", entitlement}, {"purpose", *args.option("--purpose")}});
  if (const auto text = args.option("--for")) {
    const auto duration = parse_duration(*text);
    if (!duration) return fail(Code::kInvalid, duration.error().message, "--for");
    body.set("duration_ms", Json(duration->count()));
  }
  if (!machine.empty()) body.set("beneficiary", Json(machine));
  if (const auto offer = args.option("--offer")) body.set("offer", Json(*offer));
  TRY(client, client_for(context));
  auto answer = client.command("request_access", std::move(body));
  if (!answer) {
    return tl::unexpected<Error>(placed(answer.error(), {{"/duration_ms", "--for"},
                                                         {"/purpose", "--purpose"},
                                                         {"/offer", "--offer"},
                                                         {"/beneficiary", "--as"},
                                                         {"/entitlement", "ENTITLEMENT"}}));
  }
  Json result = std::move(*answer);
  std::string grant = text_or_empty(result, "grant");
  const std::string id = text_or_empty(result, "request");
  const bool json = args.has("--json");
  if (grant.empty() && args.has("--wait")) {
    if (!json) say_pending(context, result, id);
    TRY(given, wait_for_decision(context, client, id));
    grant = given;
    TRY(reached,
        client.get("/v1/grants/" + net::percent_encode(grant) + "?wait=active&timeout_ms=30000"));
    result.set("grant", Json(grant));
    result.set("state", Json(text_or_empty(reached, "state")));
  }
  if (json) {
    print_json(context, result);
  } else if (grant.empty()) {
    say_pending(context, result, id);
  } else {
    say_granted(context, grant, entitlement, machine);
  }
  return 0;
}

Result<int> withdraw(Context& context, const Args& args) {
  TRY(client, client_for(context));
  TRY(result, client.command("withdraw", Json::object({{"id", args.operand("ID")}})));
  if (args.has("--json")) {
    print_json(context, result);
  } else {
    context.terminal.out("Withdrawn: " + args.operand("ID") + "\n");
  }
  return 0;
}

// What the grant's story says about its end, after the moment at which revoking began.
void say_end(Context& context, const std::vector<Happened>& story) {
  std::optional<Time> began;
  for (const Happened& happened : story) {
    if (happened.kind == "grant_revoking") began = happened.time;
    if (!began) continue;
    const std::string after = " after " + to_text(std::max(Millis(1), happened.time - *began));
    if (happened.kind == "grant_cut") {
      const std::string what = happened.sessions == 0 ? "its sessions"
                               : happened.sessions == 1
                                   ? "1 session"
                                   : std::to_string(happened.sessions) + " sessions";
      context.terminal.out("Cut:     " + what + " ended, observed by the door" + after + "\n");
    } else if (happened.kind == "grant_ended") {
      context.terminal.out("Gone:    the login was observed gone, and its secret refused," + after +
                           "\n");
    }
  }
}

Result<int> revoke(Context& context, const Args& args) {
  const std::string& grant = args.operand("GRANT");
  TRY(client, client_for(context));
  auto result = client.command(
      "revoke", Json::object({{"grant", grant}, {"reason", *args.option("--reason")}}));
  if (!result) {
    return tl::unexpected<Error>(
        placed(result.error(), {{"/reason", "--reason"}, {"/grant", grant}}));
  }
  if (args.has("--no-wait")) {
    if (args.has("--json")) {
      print_json(context, *result);
    } else {
      context.terminal.out("Revoked: " + grant + " (revoking; see: writ evidence show " + grant +
                           ")\n");
    }
    return 0;
  }
  TRY(end, wait_for_end(client, grant));
  if (args.has("--json")) {
    print_json(context, end.answer);
  } else {
    context.terminal.out("Revoked: " + grant + "\n");
    say_end(context, end.story);
  }
  if (end.state == "ended") return 0;
  return fail(Code::kUnavailable,
              "nobody new gets in, but the end is not observed yet (" + end.state +
                  "); Writ goes on trying: writ evidence show " + grant,
              grant);
}

}  // namespace

std::vector<Verb> access_verbs() {
  return {
      {.path = "request",
       .summary = "ask for an entitlement, for a time and a purpose",
       .operands = {{"ENTITLEMENT", Count::kOne, Words::kEntitlements}},
       .options = {{"--for", "30m",
                    "how long: 45s, 30m, 1h30m, 2d; default 1h, or what the terms allow"},
                   {"--purpose", "TEXT", "why; who decides reads this", Need::kRequired},
                   {"--offer", "POLICY", "which offer to take, where several match"},
                   {"--as", "MACHINE", "for a machine that you own", Need::kOptional,
                    Words::kIdentities},
                   {"--wait", "", "wait until it is decided"},
                   json_option()},
       .examples =
           {{"writ request pg-main/orders/reader --for 30m --purpose \"refund stuck, INC-4711\"",
             ""},
            {"writ request pg-main/orders/writer --for 10m --purpose \"nightly fix\" --as "
             "billing-job",
             "for a machine"}},
       .heading = "Getting access",
       .run = request},
      {.path = "withdraw",
       .summary = "take back a request or change of yours that is not decided yet",
       .operands = {{"ID", Count::kOne, Words::kPending}},
       .options = {json_option()},
       .examples = {{"writ withdraw req_4k2m9x7qv0w3t8ah", ""}},
       .heading = "Getting access",
       .run = withdraw},
      {.path = "revoke",
       .summary = "end a grant now: cut its sessions, remove its login, see it gone",
       .operands = {{"GRANT", Count::kOne, Words::kGrants}},
       .options = {{"--reason", "TEXT", "why", Need::kRequired},
                   {"--no-wait", "", "do not wait (at most 10 s) until the end is observed"},
                   json_option()},
       .examples = {{"writ revoke grt_4k2m9x7qv0w3t8ah --reason \"done\"", ""}},
       .heading = "Deciding",
       .run = revoke},
  };
}

}  // namespace writ::cmd
