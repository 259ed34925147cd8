#include "control/plane.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "control/past.h"
#include "core/genesis.h"
#include "core/policy.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "store/sqlite/journal.h"

namespace writ::control {
namespace {

constexpr std::string_view kFormat = "1\n";
constexpr std::string_view kConstitution = "1";
constexpr Millis kHousekeepingPause{25};
constexpr int kHousekeepingNiceness = 10;
// No tier lets a door go on for longer without the stream that it reports over.
constexpr Millis kLateSessions = std::chrono::minutes(2);
constexpr std::size_t kMostEarlier = 8;  // sets that are kept for sessions which are reported late
constexpr auto kRootLife = std::chrono::hours(24 * 365 * 10);

std::string sha256_hex(std::string_view bytes) {
  return to_hex(as_bytes(crypto::sha256(bytes)));
}

bool never_verifies(std::string_view, std::string_view, std::string_view) {
  return false;
}

std::string journal_path(const PlaneOptions& o) {
  return o.data_folder + "/journal.db";
}
std::string decisions_path(const PlaneOptions& o) {
  return o.data_folder + "/decisions";
}
std::string format_path(const PlaneOptions& o) {
  return o.data_folder + "/format";
}

Result<std::unique_ptr<store::Journal>> open_journal(const PlaneOptions& options,
                                                     store::FileSystem& files) {
  store::SqliteJournalOptions journal;
  journal.path = journal_path(options);
  return store::open_sqlite_journal(files, journal);
}

// The events of `outcome` as the first batch of the journal.
Status write_first(store::Journal& journal, Vault& vault, core::Outcome outcome,
                   const std::string& trust_domain, Time now) {
  core::State state;
  store::AppendBatch batch;
  for (core::EventData& data : outcome.events) {
    const core::Event event{state.next_seq, now, trust_domain, {"server"}, std::move(data)};
    CHECK_OK(core::fold(state, event, vault));
    batch.events.push_back(core::encode(event));
    for (const std::string& subject : core::subjects_of(event.data)) {
      batch.puts.push_back(story_key(subject, event.seq));
    }
  }
  for (store::SidePut& key : vault.take_new_keys()) batch.puts.push_back(std::move(key));
  CHECK_OK(journal.append(batch, 0));
  return {};
}

Result<core::State> recover(const store::Journal& journal, const Vault& vault, std::uint64_t end) {
  TRY(past, Past::before(journal, vault, end));
  CHECK_OK(past.walk(end, end));
  return past.take();
}

bool changes_offers(const core::EventData& data) {
  return std::holds_alternative<core::PolicyApplied>(data) ||
         std::holds_alternative<core::MembershipEnded>(data) ||
         std::holds_alternative<core::MembershipAdded>(data) ||
         std::holds_alternative<core::OwnerChanged>(data) ||
         std::holds_alternative<core::IdentityStateChanged>(data);
}

}  // namespace

Result<Founded> Plane::found(const PlaneOptions& options, const Founders& founders,
                             store::FileSystem& files, const Clock& clock, Random& random) {
  CHECK_OK(files.make_folder(options.data_folder));
  if (files.exists(format_path(options))) {
    return fail(Code::kExists, "there is a data folder already; `writ server` starts from it",
                options.data_folder);
  }
  auto kek = crypto::KeyEncryptionKey::load(options.kek_file);
  if (!kek && kek.error().code == Code::kNotFound) {
    kek = crypto::KeyEncryptionKey::create(options.kek_file, random);
  }
  if (!kek) return fail(std::move(kek));
  TRY(journal, open_journal(options, files));
  if (journal->head().size > 0) {
    return fail(Code::kExists, "there is a journal already", journal_path(options));
  }
  Vault vault(*journal, std::move(*kek), random);
  CHECK_OK(vault.create_own_keys());

  const Time now = clock.now();
  TRY(ca,
      crypto::CertificateAuthority::create(vault.ca_key(), founders.trust_domain,
                                           now - std::chrono::minutes(1), now + kRootLife, random));
  TRY(signer, tlog::NoteSigner::over(origin_of(LogName::kJournal, founders.trust_domain),
                                     vault.note_key()));
  core::Founding founding;
  founding.trust_domain = founders.trust_domain;
  founding.engine = kEngineVersion;
  founding.constitution = kConstitution;
  founding.journal_key = tlog::verifier_key_text(signer.verifier());
  founding.ca = ca.root().pem();
  founding.administrators = founders.administrators;
  founding.policies = {{"default.cedar", core::default_policies()}};
  for (const core::PolicyFile& file : founders.policies) founding.policies.push_back(file);
  const core::Outside outside{now, random, vault, sha256_hex, never_verifies};
  TRY(outcome, core::found(founding, outside));

  Founded founded;
  founded.ca_pem = founding.ca;
  founded.trust_domain = founding.trust_domain;
  founded.server_identity = new_id("idn", random);
  core::Identity server;
  server.id = founded.server_identity;
  server.kind = core::IdentityKind::kServer;
  server.name = "server-1";
  server.name_digest = vault.digest(server.name);
  server.tier = core::Tier::kMedium;
  server.owner = "group:" + std::string(core::kAdministrators);
  server.purpose = "decides, grants, revokes and proves";
  server.since = now;
  outcome.events.push_back(core::IdentityAdded{server});
  if (const Json* codes = outcome.result.find("codes"); codes != nullptr && codes->as_object()) {
    for (const JsonMember& code : *codes->as_object()) {
      founded.codes.emplace_back(code.first, *code.second.as_string());
    }
  }
  CHECK_OK(write_first(*journal, vault, std::move(outcome), founders.trust_domain, now));
  CHECK_OK(files.replace(format_path(options), kFormat));
  return founded;
}

Result<std::size_t> Plane::rotate_keys(const PlaneOptions& options, store::FileSystem& files,
                                       Random& random) {
  if (!files.exists(format_path(options))) {
    return fail(Code::kNotFound, "this is no data folder; make one with: writ init",
                options.data_folder);
  }
  TRY(journal, open_journal(options, files));
  TRY(count, rotate_key_encryption_key(*journal, options.kek_file, random));
  CHECK_OK(journal->maintain());  // the older forms leave the write-ahead log
  return count;
}

Result<Founded> Plane::reopen_tickets(const PlaneOptions& options, store::FileSystem& files,
                                      const Clock& clock, Random& random) {
  if (!files.exists(format_path(options))) {
    return fail(Code::kNotFound, "this is no data folder; make one with: writ init",
                options.data_folder);
  }
  TRY(kek, crypto::KeyEncryptionKey::load(options.kek_file));
  TRY(journal, open_journal(options, files));
  Vault vault(*journal, std::move(kek), random);
  CHECK_OK(vault.open_own_keys());
  TRY(state, recover(*journal, vault, journal->head().size));
  const Time now = std::max(clock.now(), state.time);
  const core::Outside outside{now, random, vault, sha256_hex, never_verifies};
  TRY(outcome, core::reopen_tickets(state, outside));
  store::AppendBatch batch;
  for (core::EventData& data : outcome.events) {
    const core::Event event{
        state.next_seq, now, state.genesis.trust_domain, {"server"}, std::move(data)};
    CHECK_OK(core::fold(state, event, vault));
    batch.events.push_back(core::encode(event));
    for (const std::string& subject : core::subjects_of(event.data)) {
      batch.puts.push_back(story_key(subject, event.seq));
    }
  }
  CHECK_OK(journal->append(batch, journal->head().size));
  Founded founded;
  founded.ca_pem = state.genesis.ca;
  founded.trust_domain = state.genesis.trust_domain;
  if (const Json* codes = outcome.result.find("codes"); codes != nullptr && codes->as_object()) {
    for (const JsonMember& code : *codes->as_object()) {
      founded.codes.emplace_back(code.first, *code.second.as_string());
    }
  }
  return founded;
}

Result<std::unique_ptr<Plane>> Plane::open(PlaneOptions options, store::FileSystem& files,
                                           const Clock& clock, Random& random, OpenTarget open,
                                           std::function<void(const Error&)> fatal) {
  if (!files.exists(format_path(options))) {
    return fail(Code::kNotFound, "this is no data folder; make one with: writ init",
                options.data_folder);
  }
  TRY(format, files.read_all(format_path(options), 64));
  if (format != kFormat) {
    return fail(Code::kConflict,
                "the data folder is of format " + format.substr(0, format.find('\n')) +
                    ", and this program knows format 1; start it with the newer program",
                options.data_folder);
  }
  TRY(kek, crypto::KeyEncryptionKey::load(options.kek_file));
  TRY(journal, open_journal(options, files));
  auto vault = std::make_unique<Vault>(*journal, std::move(kek), random);
  CHECK_OK(vault->open_own_keys());
  TRY(state, recover(*journal, *vault, journal->head().size));
  malloc_trim(0);  // what decoding took goes back to the system
  if (state.next_seq == 0) {
    return fail(Code::kCorrupt, "the journal is empty: it has lost its genesis",
                journal_path(options));
  }

  store::DecisionLogOptions log_options;
  log_options.folder = decisions_path(options);
  log_options.origin = origin_of(LogName::kDecisions, state.genesis.trust_domain);
  TRY(verifier, tlog::note_verifier(log_options.origin, vault->note_key().public_key()));
  log_options.verifiers.push_back(std::move(verifier));
  TRY(decision_log, store::DecisionLog::open(files, log_options));
  TRY(evidence, Evidence::over(*journal, *decision_log, files, log_options.folder,
                               vault->note_key(), state.genesis.trust_domain));
  auto plane = std::unique_ptr<Plane>(new Plane(
      std::move(options), files, clock, random, std::move(open), std::move(fatal),
      std::move(journal), std::move(decision_log), std::move(vault), std::move(evidence), state));
  if (plane->server_identity_.empty()) {
    return fail(Code::kCorrupt, "the journal names no server");
  }
  return plane;
}

Plane::Plane(PlaneOptions options, store::FileSystem& files, const Clock& clock, Random& random,
             OpenTarget open, std::function<void(const Error&)> fatal,
             std::unique_ptr<store::Journal> journal, std::unique_ptr<store::DecisionLog> log,
             std::unique_ptr<Vault> vault, std::unique_ptr<Evidence> evidence,
             const core::State& state)
    : options_(std::move(options)),
      files_(files),
      clock_(clock),
      random_(random),
      open_(std::move(open)),
      fatal_(std::move(fatal)),
      journal_(std::move(journal)),
      log_(std::move(log)),
      vault_(std::move(vault)),
      evidence_(std::move(evidence)),
      time_(clock, state.time),
      states_(std::make_shared<const core::State>(state)),
      waits_(clock),
      last_snapshot_(state.next_seq) {
  state.identities.for_each([&](const std::string& id, const core::Identity& identity) {
    if (identity.kind == core::IdentityKind::kServer) server_identity_ = id;
  });
  Hooks hooks;
  hooks.narrowed = [this](const Narrowing& narrowing, const core::State& after) {
    doors_->cut(narrowing, after);
  };
  hooks.published = [this](const std::vector<core::Event>& events, const core::State& after) {
    published(events, after);
  };
  hooks.fatal = fatal_;
  writer_ = std::make_unique<Writer>(*journal_, *log_, *vault_, time_, states_, std::move(hooks));
  decisions_ = std::make_unique<Decisions>(*writer_, states_, time_, random_, options_.threads);
  doors_ = std::make_unique<DoorHub>(*writer_, states_, *vault_, time_, *evidence_, random_);
}

Plane::~Plane() {
  stop();
}

void Plane::start() {
  const auto state = states_.get();
  state->grants.for_each([&](const std::string& id, const core::Grant& grant) {
    if (const core::Entitlement* e = state->entitlements.find(grant.entitlement)) {
      if (const core::Resource* r = state->resources.find(e->resource)) target_of_[id] = r->target;
    }
  });
  in_force_ = state->policies;
  writer_->start();
  state->targets.for_each(
      [&](const std::string& name, const core::TargetSystem&) { start_reconciler(name); });
  house_ = std::thread([this] { housekeep(); });
}

void Plane::stop() {
  {
    std::lock_guard lock(house_mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  house_wake_.notify_all();
  if (house_.joinable()) house_.join();
  doors_->stop();
  waits_.stop();
  std::map<std::string, std::unique_ptr<Reconciler>> reconcilers;
  {
    std::lock_guard lock(mutex_);
    reconcilers.swap(reconcilers_);
    for (auto& retired : retired_)
      reconcilers["retired " + std::to_string(reconcilers.size())] = std::move(retired);
    retired_.clear();
  }
  reconcilers.clear();
  writer_->stop();
  snapshot();
  for (const LogName log_name : {LogName::kJournal, LogName::kDecisions}) {
    if (auto note = evidence_->checkpoint(log_name); !note) {
      log(Level::kWarn, "checkpoint_failed", {{"error", note.error().text()}});
    }
  }
}

void Plane::start_reconciler(const std::string& target) {
  auto reconciler = std::make_unique<Reconciler>(target, open_, *writer_, states_, *vault_, time_,
                                                 random_, options_.reconciler);
  reconciler->start();
  std::lock_guard lock(mutex_);
  reconcilers_[target] = std::move(reconciler);
}

Reconciler* Plane::reconciler_of(const core::State& state, const std::string& grant) {
  const auto known = target_of_.find(grant);
  std::string target;
  if (known != target_of_.end()) {
    target = known->second;
  } else if (const core::Grant* g = state.grants.find(grant)) {
    const core::Entitlement* e = state.entitlements.find(g->entitlement);
    const core::Resource* r = e == nullptr ? nullptr : state.resources.find(e->resource);
    if (r != nullptr) target = target_of_[grant] = r->target;
  }
  const auto found = reconcilers_.find(target);
  return found == reconcilers_.end() ? nullptr : found->second.get();
}

namespace {

// The identity that an event shuts out, for as long as it is connected: empty for most.
std::string shut_out(const core::EventData& data, const core::State& state) {
  const auto* changed = std::get_if<core::IdentityStateChanged>(&data);
  if (changed != nullptr && changed->state != core::IdentityState::kActive)
    return changed->identity;
  const auto* revoked = std::get_if<core::CertificateRevoked>(&data);
  const core::Certificate* certificate =
      revoked == nullptr ? nullptr : state.certificates.find(revoked->serial);
  return certificate == nullptr ? std::string() : certificate->identity;
}

}  // namespace

void Plane::published(const std::vector<core::Event>& events, const core::State& state) {
  doors_->repeat_missed_cuts(state);
  std::vector<std::string> touched;
  bool offers_changed = false;
  // What was published before, where these events change it.
  const auto before = std::exchange(in_force_, state.policies);
  const bool policies_changed = before != in_force_;
  const Millis steady = clock_.steady();
  std::erase_if(earlier_, [&](const auto& each) { return each.first <= steady; });
  if (policies_changed && before != nullptr) {
    if (earlier_.size() >= kMostEarlier) earlier_.erase(earlier_.begin());
    earlier_.emplace_back(steady + kLateSessions, before);
  }
  std::vector<std::string> late;
  for (const core::Event& event : events) {
    offers_changed = offers_changed || changes_offers(event.data);
    if (const auto* began = std::get_if<core::SessionStarted>(&event.data)) {
      if (!earlier_.empty()) late.push_back(began->session.id);
    }
    if (const auto* added = std::get_if<core::TargetAdded>(&event.data)) {
      start_reconciler(added->target.name);
    } else if (const auto* removed = std::get_if<core::TargetRemoved>(&event.data)) {
      // Its threads may wait for this one: the housekeeper joins them.
      std::lock_guard lock(mutex_);
      if (const auto found = reconcilers_.find(removed->target); found != reconcilers_.end()) {
        retired_.push_back(std::move(found->second));
        reconcilers_.erase(found);
      }
    } else if (const auto* gone = std::get_if<core::DoorRemoved>(&event.data)) {
      doors_->restart(gone->door);
    } else if (const auto* door = std::get_if<core::DoorAdded>(&event.data)) {
      doors_->restart(door->door.identity);
    } else if (const std::string out = shut_out(event.data, state); !out.empty()) {
      doors_->restart(out);  // nothing happens for what is no door
    }
    std::lock_guard lock(mutex_);
    if (const auto* created = std::get_if<core::GrantCreated>(&event.data)) {
      if (auto* r = reconciler_of(state, created->grant.id)) r->grant_changed(created->grant.id);
    } else if (const auto* activated = std::get_if<core::GrantActivated>(&event.data)) {
      touched.push_back(activated->grant);
    } else if (const auto* revoking = std::get_if<core::GrantRevoking>(&event.data)) {
      // Retiring a login is work for this machine and the target's; sessions end first.
      const Millis pause = doors_->take_told(revoking->grant) ? options_.cut_head_start : Millis(0);
      if (auto* r = reconciler_of(state, revoking->grant)) r->grant_changed(revoking->grant, pause);
      touched.push_back(revoking->grant);
    } else if (const auto* cut = std::get_if<core::GrantCut>(&event.data)) {
      if (auto* r = reconciler_of(state, cut->grant)) r->grant_changed(cut->grant);
    } else if (const auto* ended = std::get_if<core::GrantEnded>(&event.data)) {
      touched.push_back(ended->grant);
      target_of_.erase(ended->grant);
    } else if (const auto* planned = std::get_if<core::StepPlanned>(&event.data)) {
      const auto reconciler = reconcilers_.find(planned->target);
      if (planned->step.kind == core::StepKind::kDisableSecret &&
          reconciler != reconcilers_.end()) {
        reconciler->second->take_step(planned->step, event.seq);
      }
    }
  }
  if (!touched.empty()) waits_.changed(touched, state);
  if (offers_changed) revoke_lost_offers(policies_changed ? before : nullptr);
  if (!late.empty()) revoke_late(late);
}

void Plane::revoke_lost_offers(const std::shared_ptr<const core::Policies>& before) {
  auto more = std::make_shared<bool>(false);
  writer_->submit(
      {{"server"}, {}},
      [more, before](const core::State& state, Time now) -> Result<core::Outcome> {
        core::Outcome outcome{before == nullptr ? core::lost_offers(state, now)
                                                : core::lost_by_policy(state, before, now),
                              {},
                              {}};
        *more = shorten(outcome.events);
        return outcome;
      },
      [this, more, before](const Result<Done>& done) {
        if (done && *more) revoke_lost_offers(before);
      });
}

void Plane::revoke_late(const std::vector<std::string>& sessions) {
  for (const auto& [until, before] : earlier_) {
    writer_->submit(
        {{"server"}, {}},
        [sessions, before](const core::State& state, Time now) -> Result<core::Outcome> {
          return core::Outcome{core::lost_of_late(state, sessions, before, now), {}, {}};
        },
        [](const Result<Done>&) {});
  }
}

void Plane::housekeep() {
  // Who answers comes first. Without effect where the system forbids it.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kHousekeepingNiceness);
  for (;;) {
    {
      std::unique_lock lock(house_mutex_);
      house_wake_.wait_for(lock, kHousekeepingPause, [&] { return stopping_; });
      if (stopping_) return;
    }
    waits_.tick();
    if (clock_.steady() >= ready_again_ && !log_->make_ready()) {
      ready_again_ = clock_.steady() + options_.checkpoint_every;  // keep_house says why
    }
    keep_house();
  }
}

void Plane::keep_house() {
  const Millis now = clock_.steady();
  if (now - last_checkpoint_ < options_.checkpoint_every) return;
  last_checkpoint_ = now;
  doors_->press(*states_.get());
  std::vector<std::unique_ptr<Reconciler>> retired;
  {
    std::lock_guard lock(mutex_);
    retired.swap(retired_);
  }
  retired.clear();
  const auto attempt = [](std::string_view what, const Status& status) {
    if (!status)
      log(Level::kWarn, "housekeeping_failed", {{"what", what}, {"error", status.error().text()}});
  };
  attempt("decision log", log_->maintain());
  attempt("journal", journal_->maintain());
  for (const LogName log_name : {LogName::kJournal, LogName::kDecisions}) {
    const auto note = evidence_->checkpoint(log_name);
    attempt("checkpoint", note ? Status() : Status(fail(note)));
  }
  if (now - last_anchor_ >= options_.anchor_every && log_->size() > anchored_) {
    last_anchor_ = now;
    const store::Head head = log_->head();
    anchored_ = head.size;
    const std::string name = origin_of(LogName::kDecisions, states_.get()->genesis.trust_domain);
    writer_->submit(
        {{"server"}, {}},
        [head, name](const core::State&, Time) -> Result<core::Outcome> {
          return core::Outcome{
              {core::DecisionsAnchored{name, std::int64_t(head.size), head.root}}, {}, {}};
        },
        [](const Result<Done>&) {});
  }
  if (states_.get()->next_seq >= last_snapshot_ + options_.snapshot_events) snapshot();
}

void Plane::snapshot() {
  const auto state = states_.get();
  if (state->next_seq <= last_snapshot_ || writer_->has_backlog()) return;
  if (const auto put = journal_->snapshot_put(state->next_seq, core::encode_snapshot(*state));
      !put) {
    log(Level::kWarn, "snapshot_failed", {{"error", put.error().text()}});
    return;
  }
  last_snapshot_ = state->next_seq;
}

Result<std::vector<core::ObservedUse>> Plane::uses(const std::string& target,
                                                   const std::string& login) const {
  const auto state = states_.get();
  const core::TargetSystem* system = state->targets.find(target);
  if (system == nullptr) return fail(Code::kNotFound, "there is no target \"" + target + "\"");
  TRY(password, vault_->open(system->connector_secret));
  TRY(connection, open_(*system, Secret(std::move(password))));
  return connection->uses(login);
}

Result<core::State> Plane::state_at(std::uint64_t seq) const {
  if (seq > journal_->head().size) {
    return fail(Code::kNotFound, "the journal has no entry " + std::to_string(seq));
  }
  return recover(*journal_, *vault_, seq);
}

}  // namespace writ::control
