// POST /access/v1/evaluation and /access/v1/evaluations: AuthZEN 1.0, sections 6 (Access
// Evaluation) and 7 (Access Evaluations).
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <mutex>

#include "api/question.h"
#include "base/json_text.h"
#include "core/next_change.h"

namespace writ::api {
namespace {

constexpr net::RouteLimits kMostBody{64 * 1024};
constexpr net::RouteLimits kMostBodyOfMany{512 * 1024};
// Of what a door asserts, in all items. What they share stands in each question, and in what is
// recorded of each decision.
constexpr std::size_t kMostAssertedOfMany = 4 * kMostBodyOfMany.body;

// Which decision numbers of a door were seen: all up to `base`, and a window of bits above. Numbers
// far below the highest count as seen.
class SeenNumbers {
 public:
  // Numbers below `next` count as seen. Only before the first `add`.
  void begin_at(std::int64_t next) {
    if (next <= 1) return;
    highest_ = next - 1;
    seen_.fill(true);
  }
  // False when the number was seen before.
  bool add(std::int64_t number) {
    if (number <= 0) return false;
    if (number > highest_) {
      const std::int64_t steps = std::min<std::int64_t>(number - highest_, kWindow);
      for (std::int64_t i = 0; i < steps; ++i) seen_[slot(number - i)] = false;
      highest_ = number;
    } else if (number <= highest_ - kWindow || seen_[slot(number)]) {
      return false;
    }
    seen_[slot(number)] = true;
    return true;
  }

 private:
  static constexpr std::int64_t kWindow = 4096;
  static std::size_t slot(std::int64_t number) {
    return static_cast<std::size_t>(number % kWindow);
  }
  std::int64_t highest_ = 0;
  std::array<bool, kWindow> seen_{};
};

// By door; shared by all I/O threads.
struct Seen {
  std::mutex mutex;
  std::map<std::string, SeenNumbers> doors;  // guarded by mutex

  // kConflict when this door used the number before.
  Status take(const Context& context, const control::Asked& asked) {
    if (!asked.door_seq) return {};
    std::lock_guard lock(mutex);
    const auto [numbers, first] = doors.try_emplace(asked.question.door);
    // What was seen before this server started, the door itself remembers.
    if (first) numbers->second.begin_at(context.plane.doors().decision_floor(numbers->first));
    if (numbers->second.add(*asked.door_seq)) return {};
    return fail(Code::kConflict, "this number was used before", "/context/door_seq");
  }
};

// Whether the asker wants to know when the decision changes by itself.
Result<bool> wants_change(const Evaluation& evaluation) {
  const Json* wanted =
      evaluation.context == nullptr ? nullptr : evaluation.context->find(kNextChange);
  if (wanted == nullptr) return false;
  if (wanted->as_bool() == nullptr) {
    return fail(Code::kInvalid, "next_change is true or false", "/context/next_change");
  }
  return *wanted->as_bool();
}

void append_change(JsonText& out, const core::NextChange& change, bool allowed) {
  if (change.at && change.allow != allowed) {
    out.member("changes_at", *change.at);
  } else if (change.known_until) {
    out.member("stays_until", *change.known_until);
  }
}

void append_answer(JsonText& out, const control::Told& told,
                   const std::optional<core::NextChange>& change = std::nullopt) {
  const core::Decision& decision = told.decision;
  const auto entry = static_cast<std::int64_t>(told.entry);
  out.raw(decision.allow ? "{\"decision\":true" : "{\"decision\":false");
  out.raw(",\"context\":{\"entry\":").number(entry);
  out.raw(",\"decision_id\":\"dec_").number(entry).raw("\"");
  control::append_reason(out, decision);
  out.member("now", told.now);
  if (decision.allow) {
    out.member("grant", decision.grant);
    out.member("login", decision.login());
    out.member("database", decision.database);
    if (decision.until) out.member("until", *decision.until);
    if (!decision.grant.empty()) out.member("autonomy_ms", decision.autonomy.count());
  } else {
    out.member("needs", decision.needs);
    out.member("message", decision.message);
  }
  if (change) append_change(out, *change, decision.allow);
  out.raw("}}");
}

// Section 7.3: an evaluation that cannot be made is a denial with its error.
void append_answer(JsonText& out, const Error& error) {
  out.raw("{\"decision\":false,\"context\":{\"error\":{\"status\":")
      .number(http_status(error.code));
  out.member("code", code_name(error.code));
  out.member("message", error.message);
  out.member("where", error.where);
  out.raw("}}}");
}

void ask_one(const Context& context, unsigned thread, control::Asked&& asked,
             net::Responder responder) {
  auto shared = std::make_shared<net::Responder>(std::move(responder));
  context.plane.decisions().ask(thread, std::move(asked), [shared](const control::Told& told) {
    thread_local JsonText answer;
    answer.clear();
    append_answer(answer, told);
    shared->send({.body = std::string(answer.view()), .headers = {}});
  });
}

// What takes longer is answered on a pool thread.
void answer_in_pool(const Context& context, const std::shared_ptr<net::Responder>& responder,
                    std::function<void()> answer) {
  if (context.pool.run(std::move(answer))) return;
  responder->send_error({Code::kExhausted, "the server is busy; try again", {}});
}

// The same with the time of the next change.
void ask_with_change(const Context& context, unsigned thread, control::Asked&& asked,
                     net::Responder responder) {
  auto shared = std::make_shared<net::Responder>(std::move(responder));
  const auto question = std::make_shared<const core::Question>(asked.question);
  const auto answer = [&context, shared, question](const control::Told& told) {
    answer_in_pool(context, shared, [shared, question, told] {
      JsonText text;
      append_answer(text, told, core::next_change(*told.state, *question, told.now));
      shared->send({.body = std::string(text.view()), .headers = {}});
    });
  };
  context.plane.decisions().ask(thread, std::move(asked), answer);
}

// The errors of a group's items, and where its answers belong.
struct Group {
  struct Item {
    std::optional<Error> error;             // empty: a question, in order
    std::optional<core::Question> changes;  // the question, when its next change is wanted
  };
  std::vector<Item> items;
  int changes = 0;  // of the items, how many want it
  control::Until until = control::Until::kAll;

  // Together they take little more than one alone may.
  core::ChangeBounds bounds() const {
    constexpr int kFewestTimes = 8;
    core::ChangeBounds made;
    made.steps /= static_cast<std::uint64_t>(std::max(changes, 1));
    made.times = std::max(made.times / std::max(changes, 1), kFewestTimes);
    return made;
  }

  std::string text(const std::vector<control::Told>& told) const {
    JsonText out;
    out.raw("{\"evaluations\":[");
    std::size_t next = 0;
    for (const Item& item : items) {
      if (!item.error && next == told.size()) break;  // not asked any more
      if (!out.view().ends_with('[')) out.raw(",");
      bool allow = false;
      if (item.error) {
        append_answer(out, *item.error);
      } else {
        const control::Told& its = told[next++];
        allow = its.decision.allow;
        append_answer(out, its,
                      item.changes ? std::optional(core::next_change(*its.state, *item.changes,
                                                                     its.now, bounds()))
                                   : std::nullopt);
      }
      if (until == (allow ? control::Until::kFirstAllow : control::Until::kFirstDenial)) break;
    }
    return std::string(out.raw("]}").view());
  }
};

Error in_item(Error error, std::size_t index) {
  if (error.where.starts_with('/')) {
    error.where = "/evaluations/" + std::to_string(index) + error.where;
  }
  return error;
}

std::size_t size_of(const Json& asserted) {
  return asserted.is_null() ? 0 : compact(asserted).size();
}

void ask_many(const Context& context, unsigned thread, const Caller& caller,
              const core::State& state, const Evaluations& evaluations, Seen& seen,
              net::Responder responder) {
  auto group = std::make_shared<Group>();
  group->until = evaluations.until;
  std::vector<control::Asked> asked;
  std::size_t asserted = 0;
  for (const Result<Evaluation>& item : evaluations.items) {
    Group::Item& made = group->items.emplace_back();
    const auto refuse = [&](const Error& error) {
      made.error = in_item(error, group->items.size() - 1);
    };
    if (!item) {
      made.error = item.error();
    } else if (const auto change = wants_change(*item); !change) {
      refuse(change.error());
    } else if (asserted > kMostAssertedOfMany) {
      refuse({Code::kInvalid,
              "the items of this message assert more than " + std::to_string(kMostAssertedOfMany) +
                  " bytes in all; ask about fewer at once",
              {}});
    } else if (auto one = to_asked(*item, caller, state); !one) {
      refuse(one.error());
    } else if (const Status taken = seen.take(context, *one); !taken) {
      refuse(taken.error());
    } else {
      if (*change) {
        made.changes = one->question;
        ++group->changes;
      }
      asserted += size_of(one->question.asserted);
      asked.push_back(std::move(*one));
    }
    if (made.error && group->until == control::Until::kFirstDenial) break;
  }
  auto shared = std::make_shared<net::Responder>(std::move(responder));
  const auto send = [shared, group](const std::vector<control::Told>& told) {
    shared->send({.body = group->text(told), .headers = {}});
  };
  context.plane.decisions().ask_all(
      thread, asked, group->until,
      [&context, shared, group, send](std::vector<control::Told> told) {
        if (group->changes == 0) return send(told);
        answer_in_pool(context, shared, [send, told = std::move(told)] { send(told); });
      });
}

// One reader of the state for each thread that serves, so that a request takes no lock for it.
class Readers {
 public:
  explicit Readers(const control::States& states) : states_(states) {
    for (auto& reader : readers_) reader.emplace(states);
  }
  std::shared_ptr<const core::State> get(unsigned thread) {
    return thread < readers_.size() ? readers_[thread]->get() : states_.get();
  }

 private:
  const control::States& states_;
  std::array<std::optional<control::States::Reader>, 64> readers_;
};

}  // namespace

void add_evaluation_routes(net::HttpServer& server, const Context& context) {
  auto seen = std::make_shared<Seen>();
  auto readers = std::make_shared<Readers>(context.plane.states());
  const auto single = [&context, seen](const net::Request& request, const Caller& caller,
                                       const core::State& state, const Json& body,
                                       net::Responder responder) {
    auto evaluation = read_evaluation(body);
    if (!evaluation) return responder.send_error(evaluation.error());
    const auto change = wants_change(*evaluation);
    if (!change) return responder.send_error(change.error());
    auto asked = to_asked(*evaluation, caller, state);
    if (!asked) return responder.send_error(asked.error());
    if (const Status taken = seen->take(context, *asked); !taken) {
      return responder.send_error(taken.error());
    }
    const auto ask = *change ? ask_with_change : ask_one;
    ask(context, request.thread_index, std::move(*asked), std::move(responder));
  };
  server.route(
      "POST", "/access/v1/evaluation",
      [&context, readers, single](const net::Request& request, net::Responder responder) {
        const auto state = readers->get(request.thread_index);
        const auto caller = begin_authzen(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        const auto json = parse_json(request.body, {.bytes = kMostBody.body});
        if (!json) return responder.send_error(json.error());
        single(request, *caller, *state, *json, std::move(responder));
      },
      kMostBody);
  server.route(
      "POST", "/access/v1/evaluations",
      [&context, readers, single, seen](const net::Request& request, net::Responder responder) {
        const auto state = readers->get(request.thread_index);
        const auto caller = begin_authzen(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        const auto json = parse_json(request.body, {.bytes = kMostBodyOfMany.body});
        if (!json) return responder.send_error(json.error());
        auto evaluations = read_evaluations(*json);
        if (!evaluations) return responder.send_error(evaluations.error());
        if (evaluations->items.empty()) {
          return single(request, *caller, *state, *json, std::move(responder));
        }
        ask_many(context, request.thread_index, *caller, *state, *evaluations, *seen,
                 std::move(responder));
      },
      kMostBodyOfMany);
}

}  // namespace writ::api
