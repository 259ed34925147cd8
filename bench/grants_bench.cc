// Whether a decision costs the same with ten grants and with a million, none of it remembered from
// one question to the next. For each number of live grants one JSON object a line:
//
//   grants_N_load_ns       one load from a random place of 256 MB, each waiting for the last one
//   grants_N_ns, _p99_ns   a connect, from strings, of a random grant
//   grants_N_together_ns   one of 64 that are decided together: the mean of 50,000, and the middle
//                          one of five such means
//   grants_N_changing_ns   a connect while another thread makes 10,000 changes a second
//   grants_N_change_us, _change_p99_us   from a change of a grant to a snapshot that decides by it
//   grants_N_policy_us     the same of a change of policy, compiled before
//   grants_N_mb, _start_s  resident memory of a process that starts from the snapshot's file, and
//   how long
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

// What each of the questions took, less what asking the clock takes.
std::vector<double> timed(const Questions& questions, Time now, auto&& state) {
  static const double clock = clock_ns();
  std::vector<double> ns;
  Question q;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    questions.read(i, q);
    const State& on = state();
    const auto from = Wall::now();
    const bool allow = decide(on, q, now).allow;
    const auto to = Wall::now();
    if (!allow) die("a connect was denied");
    ns.push_back(ns_between(from, to) - clock);
  }
  return ns;
}

double together_ns(const Questions& questions, const State& state, Time now) {
  constexpr std::size_t kTurn = 64;
  double spent = 0;
  std::size_t decided = 0, next = 0;
  std::vector<Question> turn(kTurn);
  std::vector<const Question*> asked;
  for (const Question& q : turn) asked.push_back(&q);
  while (decided < 50'000) {
    for (Question& q : turn) questions.read(next++ % questions.size(), q);
    const auto from = Wall::now();
    const std::vector<Decision> decisions = decide_together(state, asked, now);
    spent += ns_between(from, Wall::now());
    for (const Decision& d : decisions) {
      if (!d.allow) die("a connect was denied");
    }
    decided += decisions.size();
  }
  return spent / static_cast<double>(decided);
}

double usual_together_ns(const Questions& questions, const State& state, Time now) {
  std::vector<double> rounds;
  for (int i = 0; i < 5; ++i) rounds.push_back(together_ns(questions, state, now));
  return percentile(std::move(rounds), 0.5);
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

void measure(int live) {
  const std::string name = "grants_" + std::to_string(live);
  auto domain = std::make_unique<Domain>();
  for (int i = 0; i < live; ++i) domain->add_grant();
  const Questions questions = domain->questions(50'000);
  const auto still = [&]() -> const State& { return domain->state; };
  timed(questions, domain->now, still);  // once to see that all are allowed
  std::vector<double> ns;
  while (ns.size() < 50'000) {
    const std::vector<double> round = timed(questions, domain->now, still);
    ns.insert(ns.end(), round.begin(), round.end());
  }
  print({{(name + "_load_ns").c_str(), load_ns()},
         {(name + "_ns").c_str(), percentile(ns, 0.5)},
         {(name + "_p99_ns").c_str(), percentile(ns, 0.99)},
         {(name + "_together_ns").c_str(),
          usual_together_ns(questions, domain->state, domain->now)}});

  measure_start(domain->state, {name + "_mb", name + "_start_s"});

  // 10,000 changes a second, each of five events or two, on a thread of its own.
  States states(std::make_shared<const State>(domain->state));
  States::Reader reader(states);
  std::atomic<bool> stop = false;
  std::vector<double> us;
  std::thread changes([&] {
    auto next = Wall::now();
    while (!stop) {
      change(*domain, states, us);
      next += std::chrono::microseconds(200);  // of two
      std::this_thread::sleep_until(next);
    }
  });
  std::vector<double> changing;
  while (changing.size() < 50'000) {
    const std::vector<double> round =
        timed(questions, kStart, [&]() -> const State& { return *reader.get(); });
    changing.insert(changing.end(), round.begin(), round.end());
  }
  stop = true;
  changes.join();
  print({{(name + "_changing_ns").c_str(), percentile(changing, 0.5)},
         {(name + "_change_us").c_str(), percentile(us, 0.5)},
         {(name + "_change_p99_us").c_str(), percentile(us, 0.99)},
         {(name + "_policy_us").c_str(), policy_us(*domain)}});
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
