// How fast `decide` is, and what a State weighs: 100,000 live grants, after 1,000,000 that ended.
// Prints one JSON object a line: {"decide_ns":…,"decide_p99_ns":…} in process from strings, random
// questions; {"grants_mb":…} resident memory of a process that started from the snapshot;
// {"start_s":…} from the snapshot's file to a State that decides; {"fold_event_ns":…};
// and {"load_ns":…}, which a load from a random place of memory takes here.
//
//   decide_bench [LIVE [ENDED]]
#include "domain.h"
#include "machine.h"
#include "start.h"

namespace writ::bench {
namespace {

void measure_decisions(const Domain& domain) {
  const Questions questions = domain.questions(50'000);
  Question q;
  std::vector<double> ns;
  constexpr int kRounds = 5;  // the first one is not counted
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < questions.size(); ++i) {
      questions.read(i, q);
      const auto from = Wall::now();
      const Decision d = decide(domain.state, q, domain.now);
      const auto to = Wall::now();
      if (!d.allow) {
        std::cerr << "denied: " << d.message << "\n";
        std::exit(1);
      }
      if (round > 0) ns.push_back(ns_between(from, to));
    }
  }
  const double clock = clock_ns();
  print({{"decide_ns", percentile(ns, 0.5) - clock},
         {"decide_p99_ns", percentile(ns, 0.99) - clock}});
  print({{"load_ns", load_ns()}});
}

void run(int live, int ended) {
  Domain domain;
  const auto from = Wall::now();
  const std::uint64_t events_before = domain.events;
  std::vector<std::string> going;
  for (int i = 0; i < live; ++i) {
    domain.add_grant();
    // Those that end do so between those that stay.
    for (int n = 0; n < ended / std::max(live, 1); ++n) going.push_back(domain.add_grant());
    while (going.size() > 1000) {
      const std::size_t at = domain.random.below(going.size());
      domain.end_grant(going[at]);
      going[at] = going.back();
      going.pop_back();
    }
  }
  for (const std::string& id : going) domain.end_grant(id);
  const double ns = std::chrono::duration<double, std::nano>(Wall::now() - from).count();
  std::printf("{\"fold_event_ns\":%.0f,\"fold_mb\":%.1f}\n",
              ns / static_cast<double>(domain.events - events_before), resident_mb());
  measure_decisions(domain);
  measure_start(domain.state, {"grants_mb", "start_s"});
}

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "start") {
    return writ::bench::start_from(argv[2], {argv[3], argv[4]});
  }
  const int live = argc > 1 ? std::atoi(argv[1]) : 100'000;
  const int ended = argc > 2 ? std::atoi(argv[2]) : 1'000'000;
  writ::bench::run(live, ended);
  return 0;
}
