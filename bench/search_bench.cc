// How long the answer to "which of 100,000 resources may she read" takes, in process, all of it:
// policies evaluated in part, what is left looked up, each find decided. Prints one JSON object a
// line: {"search_ms":…} median, for 1,000 finds by owner and by folder; {"search_loop_ms":…} once,
// with every candidate tried.
//
//   search_bench [RESOURCES]
#include <cstdlib>
#include <string>

#include "core/policy.h"
#include "core/search.h"
#include "figures.h"
#include "plain_sealer.h"

namespace writ::core {
namespace {

constexpr Time kStart = Time(Millis(1'800'000'000'000));
constexpr int kOwners = 200;  // each owns as much of the resources
constexpr int kRuns = 21;

constexpr const char* kPolicies = R"(
@id("owners-read") permit (principal, action == App::Action::"read", resource is App::doc)
  when { resource.owner == principal };
@id("teams-read") permit (principal in App::team::"t7", action == App::Action::"read",
                          resource in App::folder::"f7");
@id("not-when-closed") forbid (principal, action == App::Action::"read", resource)
  when { resource has closed && resource.closed };
)";

std::string uid(const std::string& type, int id, char letter) {
  return R"({"type": "App::)" + type + R"(", "id": ")" + letter + std::to_string(id) + "\"}";
}

std::string documents(int from, int to) {
  std::string text = "[";
  for (int i = from; i < to; ++i) {
    if (i > from) text += ',';
    text += R"({"uid": )" + uid("doc", i, 'd') + R"(, "attrs": {"owner": {"__entity": )" +
            uid("user", i % kOwners, 'u') + R"(}}, "parents": [)" +
            uid("folder", i / kOwners % kOwners, 'f') + "]}";
  }
  return text + "]";
}

State state_of(int resources) {
  State state;
  const bench::PlainSealer sealer;
  const auto put = [&](EventData data) {
    const Event event{state.next_seq, kStart, "example.org", {"server"}, std::move(data)};
    if (!fold(state, event, sealer)) bench::die("an event does not fold");
  };
  put(Genesis{"example.org", "bench", "1", false, "key", "ca"});
  Identity door;
  door.id = "idn_door";
  door.kind = IdentityKind::kDoor;
  door.name = "app";
  door.name_digest = "door";
  put(IdentityAdded{door});
  auto policies = compile_policies(
      {{"app.cedar", kPolicies},
       {"users.entities.json", R"([{"uid": )" + uid("user", 7, 'u') +
                                   R"(, "attrs": {}, "parents": [)" + uid("team", 7, 't') + "]}]"},
       {"a.entities.json", documents(0, resources / 3)},
       {"b.entities.json", documents(resources / 3, 2 * resources / 3)},
       {"c.entities.json", documents(2 * resources / 3, resources)}});
  if (!policies) bench::die(policies.error().text());
  state.policies = *policies;
  return state;
}

std::size_t find_all(const State& state, const Search& wanted, const Narrowed& to) {
  return search(state, wanted, to, std::nullopt, 10'000'000, 10'000'000, kStart).found.size();
}

int run(int resources) {
  const State state = state_of(resources);
  Search wanted{Sought::kResources, {}};
  wanted.question.subject_type = "user";
  wanted.question.subject = "u7";
  wanted.question.action = "read";
  wanted.question.resource_type = "doc";
  wanted.question.door = "idn_door";
  std::vector<double> times;
  std::size_t found = 0;
  for (int i = 0; i < kRuns; ++i) {
    const auto begin = bench::Wall::now();
    found = find_all(state, wanted, narrowed(state, wanted, kStart));
    times.push_back(bench::ms_between(begin, bench::Wall::now()));
  }
  const auto begin = bench::Wall::now();
  const std::size_t tried = find_all(state, wanted, {});
  const double loop = bench::ms_between(begin, bench::Wall::now());
  if (found == 0 || found != tried) bench::die("the search found something else than the loop");
  bench::print(
      {{"search_ms", bench::percentile(times, 0.5)}, {"search_found", static_cast<double>(found)}});
  bench::print({{"search_loop_ms", loop}});
  return 0;
}

}  // namespace
}  // namespace writ::core

int main(int argc, char** argv) {
  return writ::core::run(argc > 1 ? std::atoi(argv[1]) : 100'000);
}
