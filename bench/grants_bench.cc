// Whether a decision costs the same with ten grants and with a million, none of it remembered from
// one question to the next. For each number of live grants one JSON object a line:
//
//   grants_N_load_ns       one load from a random place of 256 MB, each waiting for the last one
//   grants_N_ns, _p99_ns   a connect, from strings, of a random grant; each is asked for once
//                          before any is again
//   grants_N_together_ns   one of 64 that are decided together: the mean of 50,000, and the middle
//                          one of ten such means
//   grants_N_changing_ns   a connect while another thread makes 10,000 changes a second
//   grants_N_change_us, _change_p99_us   from a change of a grant to a snapshot that decides by it
//   grants_N_policy_us     the same of a change of policy, compiled before
//   grants_N_mb, _start_s  resident memory of a process that starts from the snapshot's file, and
//                          how long that takes
//
//   grants_bench [N …]     10 100 1000 10000 100000 1000000 when none is said
#include <atomic>
#include <memory>
#include <thread>

#include "base/published.h"
#include "domain.h"
#include "figures.h"
#include "machine.h"
#include "start.h"

namespace writ::bench {
namespace {

using States = Published<State>;

constexpr std::size_t kRound = 50'000;  // decisions that are measured in one go

// All questions in turn: of a million, one comes again when it has long left the caches.
class Asked {
 public:
  explicit Asked(const Questions& questions) : questions_(questions) {}
  void next(Question& question) {
    questions_.read(next_, question);
    next_ = next_ + 1 == questions_.size() ? 0 : next_ + 1;
  }

 private:
  const Questions& questions_;
  std::size_t next_ = 0;
};

// Adds what each decision of a round took, on the newest snapshot, less what asking the clock
// takes.
void decide_round(Asked& asked, States::Reader& states, std::vector<double>& ns) {
  static const double clock = clock_ns();
  Question q;
  for (std::size_t i = 0; i < kRound; ++i) {
    asked.next(q);
    const auto from = Wall::now();
    const bool allow = decide(*states.get(), q, kStart).allow;
    const auto to = Wall::now();
    if (!allow) die("a connect was denied");
    ns.push_back(ns_between(from, to) - clock);
  }
}

// The mean of a round's decisions, made together.
double together_ns(Asked& asked, const State& state) {
  constexpr std::size_t kTurn = 64;
  double spent = 0;
  std::size_t decided = 0;
  std::vector<Question> turn(kTurn);
  std::vector<const Question*> questions;
  for (const Question& q : turn) questions.push_back(&q);
  while (decided < kRound) {
    for (Question& q : turn) asked.next(q);
    const auto from = Wall::now();
    const std::vector<Decision> decisions = decide_together(state, questions, kStart);
    spent += ns_between(from, Wall::now());
    for (const Decision& d : decisions) {
      if (!d.allow) die("a connect was denied");
    }
    decided += decisions.size();
  }
  return spent / static_cast<double>(decided);
}

// One grant comes and one goes, each in force when the snapshot is out; what each change took.
void change(Domain& domain, States& states, std::vector<double>& us) {
  const auto timed = [&](auto&& make) {
    const auto from = Wall::now();
    make();
    states.publish(std::make_shared<const State>(domain.state));
    us.push_back(ns_between(from, Wall::now()) / 1000);
  };
  std::string id;
  timed([&] { id = domain.add_grant(); });
  timed([&] { domain.end_grant(id); });
}

double policy_us(Domain& domain) {
  const std::string more = default_policies() + kPolicies +
                           "@id(\"one-more\") forbid (principal is Writ::Agent, action, resource);";
  const auto hash = [](std::string_view bytes) { return std::to_string(cow_hash(bytes)); };
  const std::vector<PolicyFile> files{{"bench.cedar", more}};
  std::vector<EventData> events = apply_files(domain.state, files, hash);
  for (EventData& event : events) {
    if (auto* applied = std::get_if<PolicyApplied>(&event)) {
      applied->compiled = *compile_policies(files, applied->hash);
    }
  }
  const State before = domain.state;  // what others still decide on
  const auto from = Wall::now();
  for (EventData& event : events) domain.put(std::move(event));
  return ns_between(from, Wall::now()) / 1000;
}

// A thread that makes 10,000 changes a second while it lives, each of two events.
class Changes {
 public:
  Changes(Domain& domain, States& states, std::vector<double>& us)
      : thread_([this, &domain, &states, &us] {
          auto next = Wall::now();
          while (!stop_) {
            change(domain, states, us);
            next += std::chrono::microseconds(200);  // of two
            late_ = Wall::now() > next + std::chrono::milliseconds(20);
            std::this_thread::sleep_until(next);
          }
        }) {}
  ~Changes() {
    stop_ = true;
    thread_.join();
    if (late_) die("10,000 changes a second could not be made");
  }

 private:
  std::atomic<bool> stop_ = false;
  bool late_ = false;  // after the last change
  std::thread thread_;
};

void measure(int live) {
  const std::string name = "grants_" + std::to_string(live);
  auto domain = std::make_unique<Domain>();
  for (int i = 0; i < live; ++i) domain->add_grant();
  const Questions questions = domain->questions(static_cast<std::size_t>(live));
  Asked asked(questions);
  States states(std::make_shared<const State>(domain->state));
  States::Reader reader(states);
  std::vector<double> ns, changing, together, load, us;
  const auto still = [&] { decide_round(asked, reader, ns); };
  const auto changed = [&] {
    const Changes changes(*domain, states, us);
    decide_round(asked, reader, changing);
  };
  // Other guests of the same processor come and go within seconds, and the first after a load_ns
  // finds nothing in the caches; so what is compared takes turns.
  for (int turn = 0; turn < 10; ++turn) {
    load.push_back(load_ns());
    turn % 2 == 0 ? still() : changed();
    together.push_back(together_ns(asked, *reader.get()));
    turn % 2 == 0 ? changed() : still();
  }
  print({{(name + "_load_ns").c_str(), percentile(std::move(load), 0.5)},
         {(name + "_ns").c_str(), percentile(ns, 0.5)},
         {(name + "_p99_ns").c_str(), percentile(ns, 0.99)},
         {(name + "_together_ns").c_str(), percentile(std::move(together), 0.5)},
         {(name + "_changing_ns").c_str(), percentile(changing, 0.5)},
         {(name + "_change_us").c_str(), percentile(us, 0.5)},
         {(name + "_change_p99_us").c_str(), percentile(us, 0.99)},
         {(name + "_policy_us").c_str(), policy_us(*domain)}});
  measure_start(domain->state, {name + "_mb", name + "_start_s"});
}

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "start") {
    return writ::bench::start_from(argv[2], {argv[3], argv[4]});
  }
  std::vector<int> sizes{10, 100, 1000, 10'000, 100'000, 1'000'000};
  if (argc > 1) sizes.clear();
  for (int i = 1; i < argc; ++i) sizes.push_back(std::atoi(argv[i]));
  for (const int live : sizes) writ::bench::measure(live);
  return 0;
}
