#include "control/decisions.h"

#include "base/log.h"

namespace writ::control {
namespace {

// Drawn together, because one draw costs as much as a decision.
constexpr std::size_t kSaltsTogether = 64;

std::string text_of(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
}

bool is_active(const core::State& state, std::string_view grant_id) {
  const core::Grant* grant = state.grants.find(grant_id);
  return grant != nullptr && grant->state == core::GrantState::kActive;
}

void deny(core::Decision& decision, std::string message) {
  decision = {};
  decision.errors.push_back(message);
  decision.message = std::move(message);
}

}  // namespace

struct Decisions::Batch {
  struct Waiting {
    ToldCallback told;
    Told answer;
  };
  std::vector<store::Prepared> entries;
  std::vector<Waiting> waiting;  // one for each entry
  std::uint64_t decided_at = 0;  // the journal's seq of which the first was decided
};

struct Decisions::Thread {
  explicit Thread(const States& states) : reader(states) {}
  struct Waiting {
    Asked asked;
    ToldCallback told;
  };
  States::Reader reader;
  std::vector<Waiting> waiting;  // to be decided at the end of the turn
  std::shared_ptr<Batch> batch;  // null while nothing decided waits for `flush`
  std::size_t usual = 16;        // entries of the last batch
  std::string salts;
};

Decisions::Decisions(Writer& writer, const States& states, const TimeGuard& time, Random& random,
                     unsigned threads)
    : writer_(writer), states_(states), time_(time), random_(random) {
  for (unsigned i = 0; i < threads; ++i) threads_.push_back(std::make_unique<Thread>(states));
}

Decisions::~Decisions() = default;

void append_decision_payload(JsonText& out, const core::State& state, const core::Question& q,
                             const core::Decision& decision, Time now,
                             std::optional<std::int64_t> door_seq, std::string_view more) {
  out.raw("{\"v\":1");
  out.member("time", now);
  out.raw(",\"trust_domain\":").string(state.genesis.trust_domain);
  out.member("engine", kEngineVersion);
  out.member("journal_seq", static_cast<std::int64_t>(state.next_seq));
  out.member("policy_version", static_cast<std::int64_t>(state.policy_version));
  out.member("door", q.door);
  if (door_seq) out.member("door_seq", *door_seq);
  out.raw(",\"question\":{\"subject\":").string(q.subject);
  out.member("subject_type", q.subject_type);
  out.member("action", q.action);
  out.member("resource_type", q.resource_type);
  out.member("resource", q.resource);
  out.member("credential", q.credential);
  out.member("source_ip", q.source_ip);
  out.member("grant", q.grant);
  out.member("actors", q.actors);
  if (q.duration) out.member("duration_ms", q.duration->count());
  if (q.approvals > 0) out.member("approvals", q.approvals);
  if (!q.asserted.is_null()) out.raw(",\"asserted\":").raw(canonical(q.asserted));
  out.raw(decision.allow ? "},\"allow\":true" : "},\"allow\":false");
  append_reason(out, decision);
  out.member("errors", decision.errors);
  out.member("needs", decision.needs);
  out.member("grant", decision.grant);
  if (decision.until) out.member("until", *decision.until);
  out.raw(more).raw("}");
}

void append_reason(JsonText& out, const core::Decision& decision) {
  out.raw(",\"reason\":[");
  std::string_view between;
  if (!decision.grant.empty()) {
    out.raw("\"grant ").raw(decision.grant).raw("\"");
    between = ",";
  }
  for (const std::string_view policy : decision.policies) {
    out.raw(std::exchange(between, ",")).string(policy);
  }
  out.raw("]");
}

Result<RecordedDecision> read_decision_payload(std::string_view payload) {
  TRY(json, parse_json(payload));
  const Json* question = json.find("question");
  const Json* seq = json.find("journal_seq");
  const Json* allow = json.find("allow");
  if (question == nullptr || seq == nullptr || seq->as_int() == nullptr || *seq->as_int() < 0 ||
      allow == nullptr || allow->as_bool() == nullptr) {
    return fail(Code::kCorrupt, "this entry of the decision log is no decision");
  }
  RecordedDecision recorded;
  TRY(time, parse_time(text_of(json, "time")));
  recorded.time = time;
  recorded.journal_seq = static_cast<std::uint64_t>(*seq->as_int());
  recorded.allow = *allow->as_bool();
  core::Question& q = recorded.question;
  q.door = text_of(json, "door");
  q.subject = text_of(*question, "subject");
  q.subject_type = text_of(*question, "subject_type");
  q.action = text_of(*question, "action");
  q.resource_type = text_of(*question, "resource_type");
  q.resource = text_of(*question, "resource");
  q.credential = text_of(*question, "credential");
  q.source_ip = text_of(*question, "source_ip");
  q.grant = text_of(*question, "grant");
  if (const Json* actors = question->find("actors"); actors != nullptr && actors->as_array()) {
    for (const Json& actor : *actors->as_array()) {
      if (actor.as_string() != nullptr) q.actors.push_back(*actor.as_string());
    }
  }
  if (const Json* d = question->find("duration_ms"); d != nullptr && d->as_int()) {
    q.duration = Millis(*d->as_int());
  }
  if (const Json* n = question->find("approvals"); n != nullptr && n->as_int()) {
    q.approvals = static_cast<int>(*n->as_int());
  }
  if (const Json* asserted = question->find("asserted")) q.asserted = *asserted;
  return recorded;
}

Decisions::Moment Decisions::moment(std::shared_ptr<const core::State> state) const {
  const auto [now, jumped] = time_.read();
  Moment moment{std::move(state), now, {}};
  if (jumped) {
    moment.why_not = "the server's clock jumped; nothing is allowed until it agrees again";
  } else if (writer_.halted()) {
    moment.why_not = "the server's journal is behind one that was seen before";
  } else if (writer_.has_backlog()) {
    moment.why_not = "the server cannot record evidence now; nothing is allowed";
  }
  return moment;
}

std::vector<core::Decision> Decisions::decide(const Moment& moment,
                                              std::span<const core::Question* const> questions) {
  if (moment.why_not.empty()) {
    return core::decide_together(*moment.state, questions, moment.now);
  }
  std::vector<core::Decision> denials(questions.size());
  for (core::Decision& each : denials) deny(each, moment.why_not);
  return denials;
}

bool Decisions::add(Batch& batch, const Moment& moment, std::string_view salt,
                    const core::Question& question, std::optional<std::int64_t> door_seq,
                    core::Decision decision, const Answering& answering, ToldCallback told) {
  const core::State& state = *moment.state;
  Told answer;
  answer.decision = std::move(decision);
  answer.state = moment.state;
  answer.now = moment.now;
  thread_local JsonText payload;
  payload.clear();
  append_decision_payload(
      payload, state, question, answer.decision, answer.now, door_seq,
      answering && answer.decision.allow ? answering(state, answer.now) : std::string());
  auto prepared = store::prepare(payload.view(), salt);
  if (!prepared) {
    deny(answer.decision, prepared.error().message);
    told(answer);
    return false;
  }
  const bool allow = answer.decision.allow;
  if (batch.entries.empty()) batch.decided_at = state.next_seq;
  batch.entries.push_back(std::move(*prepared));
  batch.waiting.push_back({std::move(told), std::move(answer)});
  return allow;
}

void Decisions::settle(Batch& batch, const Result<std::uint64_t>& first) const {
  if (!first) {
    for (Batch::Waiting& each : batch.waiting) {
      deny(each.answer.decision, "the decision could not be recorded: " + first.error().message);
    }
    return;
  }
  std::uint64_t index = *first;
  for (Batch::Waiting& each : batch.waiting) each.answer.entry = index++;
  // What was revoked while the entries were written is not allowed any more. What is revoked from
  // here on, before the answer is out, the door has heard of first: it remembers cuts.
  const auto state = states_.get();
  if (state->next_seq == batch.decided_at) return;  // nothing happened meanwhile
  for (Batch::Waiting& each : batch.waiting) {
    core::Decision& decision = each.answer.decision;
    const std::string grant(decision.grant);
    if (decision.allow && !grant.empty() && !is_active(*state, grant)) {
      deny(decision, "the grant " + grant + " was revoked meanwhile");
    }
  }
}

Decisions::Batch& Decisions::batch_of(Thread& own) const {
  if (own.batch == nullptr) {
    own.batch = std::make_shared<Batch>();
    own.batch->entries.reserve(own.usual);
    own.batch->waiting.reserve(own.usual);
  }
  return *own.batch;
}

std::array<char, tlog::kSaltSize> Decisions::salt_of(Thread& own) const {
  if (own.salts.size() < tlog::kSaltSize) {
    own.salts = random_.bytes(kSaltsTogether * tlog::kSaltSize);
  }
  const std::size_t left = own.salts.size() - tlog::kSaltSize;
  std::array<char, tlog::kSaltSize> salt{};
  own.salts.copy(salt.data(), salt.size(), left);
  own.salts.resize(left);
  return salt;
}

void Decisions::ask(unsigned thread, Asked&& asked, ToldCallback told) {
  threads_[thread]->waiting.emplace_back(std::move(asked), std::move(told));
}

void Decisions::decide_waiting(Thread& own) const {
  if (own.waiting.empty()) return;
  std::vector<Thread::Waiting> waiting = std::exchange(own.waiting, {});
  const Moment now = moment(own.reader.get());
  std::vector<const core::Question*> questions;
  questions.reserve(waiting.size());
  for (const Thread::Waiting& each : waiting) questions.push_back(&each.asked.question);
  std::vector<core::Decision> decisions = decide(now, questions);
  Batch& batch = batch_of(own);
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const auto salt = salt_of(own);
    add(batch, now, {salt.data(), salt.size()}, waiting[i].asked.question,
        waiting[i].asked.door_seq, std::move(decisions[i]), {}, std::move(waiting[i].told));
  }
  waiting.clear();  // the room serves the next turn
  if (own.waiting.empty()) own.waiting.swap(waiting);
}

void Decisions::ask_all(unsigned thread, const std::vector<Asked>& asked, Until until,
                        AllToldCallback told) {
  struct Gathered {
    std::vector<Told> answers;
    std::size_t open = 1;  // answers that are not there yet, and this function
    AllToldCallback told;
    void close_one() {
      if (--open == 0) told(std::move(answers));
    }
  };
  Thread& own = *threads_[thread];
  decide_waiting(own);  // entries stand in the order in which was asked
  const Moment now = moment(own.reader.get());
  std::vector<core::Decision> decisions;
  if (until == Until::kAll) {
    std::vector<const core::Question*> questions;
    for (const Asked& each : asked) questions.push_back(&each.question);
    decisions = decide(now, questions);
  }
  const auto gathered = std::make_shared<Gathered>();
  gathered->told = std::move(told);
  for (const Asked& each : asked) {
    const std::size_t place = gathered->answers.size();
    gathered->answers.emplace_back();
    ++gathered->open;
    const auto salt = salt_of(own);
    const core::Question* const one = &each.question;
    const bool allow =
        add(batch_of(own), now, {salt.data(), salt.size()}, each.question, each.door_seq,
            std::move(until == Until::kAll ? decisions[place] : decide(now, {&one, 1}).front()), {},
            [gathered, place](const Told& answer) {
              gathered->answers[place] = answer;
              gathered->close_one();
            });
    if (until == (allow ? Until::kFirstAllow : Until::kFirstDenial)) break;
  }
  gathered->close_one();
}

void Decisions::flush(unsigned thread, const RunOn& run_on) {
  decide_waiting(*threads_[thread]);
  const auto batch = std::exchange(threads_[thread]->batch, nullptr);
  if (batch == nullptr || batch->entries.empty()) return;
  threads_[thread]->usual = batch->entries.size();
  writer_.record(
      {batch->entries, [this, batch, thread, &run_on](const Result<std::uint64_t>& first) {
         settle(*batch, first);
         run_on(thread, [batch] {
           for (Batch::Waiting& each : batch->waiting) each.told(each.answer);
         });
       }});
}

void Decisions::ask_now(const core::Question& question, ToldCallback told) {
  ask_now(question, {}, std::move(told));
}

void Decisions::ask_now(const core::Question& question, const Answering& answering,
                        ToldCallback told) {
  auto batch = std::make_shared<Batch>();
  const Moment now = moment(states_.get());
  const core::Question* const one = &question;
  add(*batch, now, random_.bytes(tlog::kSaltSize), question, {},
      std::move(decide(now, {&one, 1}).front()), answering, std::move(told));
  if (batch->entries.empty()) return;
  writer_.record({batch->entries, [this, batch](const Result<std::uint64_t>& first) {
                    settle(*batch, first);
                    for (Batch::Waiting& each : batch->waiting) each.told(each.answer);
                  }});
}

void Decisions::record_denial(const core::Question& question, const Error& why) {
  core::Decision denial;
  deny(denial, why.message);
  JsonText payload;
  append_decision_payload(payload, *states_.get(), question, denial, time_.now(), {}, {});
  auto prepared = store::prepare(payload.view(), random_.bytes(tlog::kSaltSize));
  if (!prepared) return;
  const auto entry = std::make_shared<store::Prepared>(std::move(*prepared));
  writer_.record({{entry.get(), 1}, [entry](const Result<std::uint64_t>& index) {
                    if (!index) {
                      log(Level::kWarn, "denial_not_recorded", {{"error", index.error().text()}});
                    }
                  }});
}

}  // namespace writ::control
