#include "api/context.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/key.h"

namespace writ::api {

struct Pool::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> jobs;  // guarded by mutex
  bool stopping = false;                   // guarded by mutex
  std::vector<std::thread> threads;

  void work() {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stopping || !jobs.empty(); });
        if (stopping) return;
        job = std::move(jobs.front());
        jobs.pop_front();
      }
      // What it took to answer goes with it, and whoever waits is told that there is none.
      try {
        std::exchange(job, nullptr)();
      } catch (const std::exception& failure) {
        log(Level::kError, "job_failed", {{"error", failure.what()}});
      }
    }
  }
};

Pool::Pool(unsigned threads) : state_(std::make_unique<State>()) {
  for (unsigned i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get()] { state->work(); });
  }
}

Pool::~Pool() {
  stop();
}

bool Pool::run(std::function<void()> job) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopping || state_->jobs.size() >= kMostJobs) return false;
    state_->jobs.push_back(std::move(job));
  }
  state_->wake.notify_one();
  return true;
}

void Pool::stop() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
  state_->threads.clear();
  state_->jobs.clear();
}

Result<Caller> authenticate(const Context& context, const net::Request& request,
                            const core::State& state) {
  if (!request.peer) {
    return fail(Code::kUnauthenticated,
                "this call needs a client certificate; get one with: writ login");
  }
  TRY(id, core::identity_of_spiffe(state, request.peer->spiffe_id()));
  const core::Certificate* certificate = state.certificates.find(request.peer->serial());
  if (certificate == nullptr || certificate->identity != id) {
    return fail(Code::kUnauthenticated, "this certificate is not one that this server issued");
  }
  if (certificate->revoked) {
    return fail(Code::kUnauthenticated, "this certificate was revoked: " + *certificate->revoked);
  }
  if (!certificate->grant.empty()) {
    return fail(Code::kUnauthenticated, "this certificate opens connections on grant " +
                                            certificate->grant +
                                            ", and nothing else; call with the device's own");
  }
  const Time now = context.plane.time().now();
  if (now >= certificate->until) {
    return fail(Code::kUnauthenticated, "this certificate expired; get a new one with: writ login");
  }
  if (!certificate->device.empty()) {
    const core::Device* device = state.devices.find(certificate->device);
    if (device == nullptr || now >= device->until) {
      return fail(Code::kUnauthenticated,
                  "the device of this certificate is not enrolled any more");
    }
  }
  const core::Identity* identity = state.identities.find(id);
  if (identity == nullptr || identity->state != core::IdentityState::kActive) {
    return fail(Code::kDenied, "this identity is not active");
  }
  Caller caller;
  caller.kind = identity->kind;
  caller.actor.identity = std::move(id);
  caller.actor.device = certificate->device;
  caller.actor.credential = certificate->serial;
  caller.actor.source_ip = std::string(request.source);
  return caller;
}

void require(const Context& context, const Caller& caller, std::string_view action,
             std::string_view resource_type, std::string_view resource,
             std::function<void(Status)> then) {
  core::Question question;
  question.subject = caller.actor.identity;
  question.action = action;
  question.resource_type = resource_type;
  question.resource = resource;
  question.credential = caller.actor.credential;
  question.source_ip = caller.actor.source_ip;
  context.plane.decisions().ask_now(question, [then = std::move(then)](const control::Told& told) {
    if (told.decision.allow) return then({});
    then(fail(Code::kDenied, told.decision.message));
  });
}

void answer_when_allowed(const Context& context, const Caller& caller, std::string_view action,
                         std::string_view resource_type, std::string_view resource,
                         net::Responder responder, std::function<Result<Json>()> answer) {
  const auto shared = std::make_shared<net::Responder>(std::move(responder));
  require(context, caller, action, resource_type, resource,
          [&context, shared, answer = std::move(answer)](const Status& allowed) {
            if (!allowed) return shared->send_error(allowed.error());
            const bool taken = context.pool.run([shared, answer] {
              auto json = answer();
              json ? shared->send(net::json_response(*json)) : shared->send_error(json.error());
            });
            if (!taken) shared->send_error({Code::kExhausted, "the server is busy; try again", {}});
          });
}

namespace {

// True for the person behind an identity, and for whoever owns the resource of an entitlement.
bool answers_for(const core::State& state, const std::string& who, const std::string& beneficiary,
                 const std::string& entitlement_name, Time now) {
  for (const std::string& person : core::persons_behind(state, beneficiary, now)) {
    if (person == who) return true;
  }
  const core::Entitlement* entitlement = state.entitlements.find(entitlement_name);
  const core::Resource* resource =
      entitlement == nullptr ? nullptr : state.resources.find(entitlement->resource);
  if (resource == nullptr) return false;
  constexpr std::string_view kGroup = "group:";
  return resource->owner.starts_with(kGroup)
             ? core::is_member(state, who, resource->owner.substr(kGroup.size()), now)
             : resource->owner == "identity:" + who;
}

}  // namespace

Result<bool> concerns(const Context& context, const std::string& id, const std::string& identity) {
  TRY(seqs, control::story_of(context.plane.evidence().journal(), id));
  if (seqs.empty()) return fail(Code::kNotFound, "nothing of this id stands in the journal");
  const auto state = context.plane.states().get();
  const Time now = context.plane.time().now();
  for (const std::uint64_t seq : seqs) {
    TRY(event, context.plane.evidence().event(seq));
    if (const auto* opened = std::get_if<core::RequestOpened>(&event.data)) {
      const core::Request& request = opened->request;
      if (request.id != id) continue;  // the story of something that many events touch
      if (request.requester == identity ||
          answers_for(*state, identity, request.beneficiary, request.entitlement, now)) {
        return true;
      }
    } else if (const auto* created = std::get_if<core::GrantCreated>(&event.data)) {
      const core::Grant& grant = created->grant;
      if (grant.id != id && grant.request != id) continue;
      if (answers_for(*state, identity, grant.beneficiary, grant.entitlement, now) ||
          std::find(grant.approvers.begin(), grant.approvers.end(), identity) !=
              grant.approvers.end()) {
        return true;
      }
    }
  }
  return false;
}

std::string sha256_hex(std::string_view bytes) {
  return to_hex(as_bytes(crypto::sha256(bytes)));
}

bool verify_signature(std::string_view public_key, std::string_view statement,
                      std::string_view signature) {
  const auto der = from_base64(public_key);
  const auto raw = from_base64(signature);
  if (!der || !raw) return false;
  const auto key = crypto::PublicKey::from_der(*der);
  return key && key->verify(statement, *raw);
}

core::Outside outside(const Context& context, Time now) {
  return {now, context.plane.random(), context.plane.vault(), sha256_hex, verify_signature};
}

std::string enrolment_ticket(const Context& context, const core::State& state,
                             const std::string& code) {
  const Json ticket = Json::object({{"server", context.url.text()},
                                    {"code", code},
                                    {"ca", state.genesis.ca},
                                    {"trust_domain", state.genesis.trust_domain}});
  return "writ1." + to_base64url(canonical(ticket));
}

}  // namespace writ::api
