// How fast `decide` is, and what a State weighs: 100,000 live grants, after 1,000,000 that ended.
// Prints one JSON object a line: {"decide_ns":…,"decide_p99_ns":…} in process from strings, random
// questions; {"grants_mb":…} resident memory of a process that started from the snapshot;
// {"start_s":…} from the snapshot's bytes to a State that decides; {"fold_event_ns":…};
// and {"load_ns":…}, which a load from a random place of memory takes here.
//
//   decide_bench [LIVE [ENDED]]
#include <malloc.h>
#include <sys/wait.h>

#include "base/file.h"
#include "domain.h"
#include "machine.h"

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

// In the program anew, so that it weighs what a server that just started weighs.
int start_from(const std::string& path) {
  const auto from = Wall::now();
  PlainSealer sealer;
  auto bytes = read_file(path, std::size_t{1} << 30);
  if (!bytes) return 1;
  const auto state = decode_snapshot(*bytes, sealer);
  if (!state) {
    std::cerr << state.error().text() << "\n";
    return 1;
  }
  bytes->clear();
  bytes->shrink_to_fit();
  malloc_trim(0);  // as a server does when it has started
  const double seconds = std::chrono::duration<double>(Wall::now() - from).count();
  std::printf("{\"grants_mb\":%.1f,\"start_s\":%.3f}\n", resident_mb(), seconds);
  return 0;
}

int run(const std::string& program, int live, int ended) {
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
  const std::string path = "/tmp/decide_bench." + std::to_string(getpid());
  if (!write_file(path, encode_snapshot(domain.state), 0600)) return 1;
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    execl(program.c_str(), program.c_str(), "start", path.c_str(), nullptr);
    _exit(1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  unlink(path.c_str());
  return status == 0 ? 0 : 1;
}

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "start") return writ::bench::start_from(argv[2]);
  const int live = argc > 1 ? std::atoi(argv[1]) : 100'000;
  const int ended = argc > 2 ? std::atoi(argv[2]) : 1'000'000;
  return writ::bench::run("/proc/self/exe", live, ended);
}
