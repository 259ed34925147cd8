// Policy sets of any size: recorded in parts, each content once, in force all at once or not at
// all.
#include "core/policy_text.h"

#include <gmock/gmock.h>

#include "core/world_test.h"

namespace writ::core {
namespace {

using testing::HasSubstr;
using world::World;

// An entry of the journal.
constexpr std::size_t kMostEntry = 65'535;

// A file that is large, and that compiles quickly.
std::string large(std::size_t bytes, const std::string& filling = "all of this is a comment ") {
  std::string text;
  while (text.size() < bytes) {
    text += "// ";
    while (text.size() % 1000 < 900) text += filling;
    text += "\n";
  }
  return text;
}
std::vector<PolicyFile> files_with(const std::string& more) {
  return {{"default.cedar", default_policies()}, {"more.cedar", more}};
}
Json body(const std::vector<PolicyFile>& files) {
  return Json::object({{"files", to_json(files)}});
}

struct PolicyTexts : testing::Test {
  // Of these events, how many bytes of texts; each fits into an entry.
  std::size_t recorded(const std::vector<EventData>& events) {
    std::size_t bytes = 0;
    for (const EventData& data : events) {
      const Event event{1'000'000, w.now, std::string(255, 'd'), {std::string(20, 'i')}, data};
      const std::string encoded = encode(event);
      EXPECT_LE(encoded.size(), kMostEntry) << kind_of(data);
      EXPECT_EQ(encode(*decode_event(encoded)), encoded);
      if (const auto* part = std::get_if<PolicyTextRecorded>(&data)) bytes += part->text.size();
    }
    return bytes;
  }
  std::size_t recorded_since(std::size_t first) {
    std::vector<EventData> events;
    for (std::size_t i = first; i < w.events.size(); ++i) events.push_back(w.events[i].data);
    return recorded(events);
  }
  std::vector<PolicyFile> in_force() { return *policy_files(w.state, w.state.policy_hash); }
  std::string propose(const std::vector<PolicyFile>& files) {
    return world::text(w.must("alice", "apply_policy", body(files)), "change");
  }

  World w;
};

TEST_F(PolicyTexts, OfMegabytesComeIntoForce) {
  const std::vector<PolicyFile> files = files_with(large(4 << 20));
  const std::size_t first = w.events.size();
  w.change("apply_policy", body(files));
  EXPECT_EQ(w.state.policy_version, 2);
  ASSERT_EQ(in_force().size(), 2u);
  EXPECT_EQ(in_force()[1].name, "more.cedar");
  EXPECT_EQ(in_force()[1].text, files[1].text);
  EXPECT_GT(recorded_since(first), 4u << 20);
}

TEST_F(PolicyTexts, AreCutBetweenCharactersWhateverTheyAre) {
  for (const std::string filling :
       {"\"", "\\", "\xc3\xa9", "\xf0\x9f\x94\x91", "a\xe2\x82\xac", "\x01"}) {
    const std::string text = "// " + std::string(1, 'x') + large(200'000, filling);
    const auto events = apply_files(w.state, {{"a", text}}, world::hash_hex);
    EXPECT_GT(recorded(events), text.size());
    State state = w.state;
    for (std::size_t i = 0; i + 1 < events.size(); ++i) {
      const auto& part = std::get<PolicyTextRecorded>(events[i]);
      EXPECT_TRUE(is_utf8(part.text));
      ASSERT_TRUE(add_policy_part(state, part));
    }
    EXPECT_EQ(*policy_text(state, world::hash_hex(text)), text);
  }
}

TEST_F(PolicyTexts, ThatAreHeldAreNotRecordedAgain) {
  std::vector<PolicyFile> files = files_with(large(1 << 20));
  files.push_back({"copy.cedar", files[1].text});  // the same again, under another name
  std::size_t first = w.events.size();
  w.change("apply_policy", body(files));
  EXPECT_LT(recorded_since(first), (1 << 20) + 10'000u);
  files[0].text += "// one line more\n";
  first = w.events.size();
  w.change("apply_policy", body(files));
  EXPECT_EQ(w.state.policy_version, 3);
  EXPECT_LT(recorded_since(first), 5'000u);
  EXPECT_EQ(in_force()[2].text, files[1].text);
}

TEST_F(PolicyTexts, LeaveWhenNothingNamesThem) {
  const std::size_t before = held_policy_bytes(w.state);
  const std::string change = propose(files_with(large(100'000)));
  EXPECT_GT(held_policy_bytes(w.state), 100'000u);
  w.must("alice", "withdraw", Json::object({{"id", change}}));
  EXPECT_EQ(held_policy_bytes(w.state), before);

  propose(files_with(large(100'000)));
  w.advance(std::chrono::hours(25));
  w.tick();
  EXPECT_EQ(held_policy_bytes(w.state), before);

  w.show_factor("bob");
  w.must("bob", "approve", w.approval("bob", propose(files_with(large(100'000))), false));
  EXPECT_EQ(held_policy_bytes(w.state), before);

  // What was in force goes when it is replaced; what a change that waits shares with it stays.
  w.change("apply_policy", body(files_with(large(100'000))));
  std::vector<PolicyFile> files = files_with(large(100'000));
  files[0].text += "// another\n";
  const std::string waits = propose(files);
  w.change("apply_policy", body({{"default.cedar", default_policies()}}));
  EXPECT_GT(held_policy_bytes(w.state), 100'000u);
  w.must("alice", "withdraw", Json::object({{"id", waits}}));
  EXPECT_LT(held_policy_bytes(w.state), before);
}

TEST_F(PolicyTexts, OfAChangeStandOutsideIt) {
  const std::vector<PolicyFile> files = files_with(large(300'000));
  const std::string id = propose(files);
  const Change& change = *w.state.changes.find(id);
  EXPECT_EQ(change.body,
            Json::object({{"hash", policy_hash(files, world::hash_hex)}, {"base", 1}}));
  // Proposed again, it is the same change, and nothing is recorded.
  const std::size_t events = w.events.size();
  EXPECT_EQ(propose(files), id);
  EXPECT_EQ(w.events.size(), events);
}

TEST_F(PolicyTexts, StandInASnapshot) {
  w.change("apply_policy", body(files_with(large(200'000))));
  std::vector<PolicyFile> files = files_with(large(300'000, "waiting "));
  const std::string id = propose(files);
  const std::string bytes = encode_snapshot(w.state);
  auto again = decode_snapshot(bytes, w.sealer);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(encode_snapshot(*again), bytes);
  w.state = std::move(*again);
  w.approve("bob", id);
  EXPECT_EQ(in_force()[1].text, files[1].text);
}

// The journal keeps a batch whole. Were it not so, no harm would come of it.
TEST_F(PolicyTexts, CutOffLeaveTheOldOnesInForce) {
  World one(true);
  const std::vector<PolicyFile> old = *policy_files(one.state, one.state.policy_hash);
  const auto outcome = run_command(one.state, one.actor("alice"), "apply_policy",
                                   body(files_with(large(300'000))), one.outside());
  ASSERT_TRUE(outcome) << outcome.error().text();
  ASSERT_GT(outcome->events.size(), 5u);
  World clean(true);
  clean.must("alice", "apply_policy", body(files_with("// else")));
  for (std::size_t kept = 0; kept < outcome->events.size(); ++kept) {
    World after(true);
    after.commit({"server"}, {outcome->events.begin(),
                              outcome->events.begin() + static_cast<std::ptrdiff_t>(kept)});
    auto restarted = decode_snapshot(encode_snapshot(after.state), after.sealer);
    ASSERT_TRUE(restarted) << restarted.error().text();
    after.state = std::move(*restarted);
    EXPECT_EQ(after.state.policy_version, 1);
    EXPECT_EQ(policy_files(after.state, after.state.policy_hash)->size(), old.size());
    // The same is asked again, and comes into force.
    World retried = after;
    retried.must("alice", "apply_policy", body(files_with(large(300'000))));
    EXPECT_EQ(retried.state.policy_version, 2);
    EXPECT_EQ(policy_files(retried.state, retried.state.policy_hash)->at(1).text, large(300'000));
    // Or something else, and then what was cut off is gone.
    after.must("alice", "apply_policy", body(files_with("// else")));
    EXPECT_EQ(held_policy_bytes(after.state), held_policy_bytes(clean.state));
  }
}

TEST_F(PolicyTexts, PartsComeInOrder) {
  const auto part = [](int at, int of) { return PolicyTextRecorded{"h", at, of, "x"}; };
  State state = w.state;
  EXPECT_FALSE(add_policy_part(state, part(1, 3)));
  EXPECT_TRUE(add_policy_part(state, part(0, 3)));
  EXPECT_FALSE(add_policy_part(state, part(2, 3)));
  EXPECT_FALSE(add_policy_part(state, part(1, 4)));
  EXPECT_TRUE(add_policy_part(state, part(1, 3)));
  EXPECT_FALSE(policy_text(state, "h"));
  EXPECT_TRUE(add_policy_part(state, part(0, 2)));  // begins anew
  EXPECT_TRUE(add_policy_part(state, part(1, 2)));
  EXPECT_EQ(*policy_text(state, "h"), "xx");
  EXPECT_FALSE(add_policy_part(state, part(0, 2)));
  EXPECT_FALSE(add_policy_part(state, part(3, 3)));
  EXPECT_FALSE(add_policy_part(state, PolicyTextRecorded{"", 0, 1, "x"}));
}

TEST_F(PolicyTexts, HaveBoundsThatErrorsName) {
  const auto error = [&](const std::vector<PolicyFile>& files) {
    return w.refused("alice", "apply_policy", body(files));
  };
  const Error file = error(files_with(large(kMostPolicyFileBytes)));
  EXPECT_EQ(file.code, Code::kInvalid);
  EXPECT_EQ(file.where, "more.cedar");
  EXPECT_THAT(file.message, HasSubstr("8 MiB"));
  const std::string most = large(kMostPolicyFileBytes - 1000);
  const Error all = error({{"a", most}, {"b", most}, {"c", most}});
  EXPECT_EQ(all.where, "c");
  EXPECT_THAT(all.message, HasSubstr("16 MiB"));
  std::vector<PolicyFile> many(kMostPolicyFiles + 1);
  for (std::size_t i = 0; i < many.size(); ++i) many[i].name = "f" + std::to_string(i);
  const Error count = error(many);
  EXPECT_EQ(count.where, many.back().name);
  EXPECT_THAT(count.message, HasSubstr("10000"));
  EXPECT_EQ(error({{"a", ""}, {"a", ""}}).where, "a");
  EXPECT_EQ(error({{"a\n", ""}}).code, Code::kInvalid);
  EXPECT_EQ(error({{std::string(256, 'a'), ""}}).code, Code::kInvalid);
  EXPECT_EQ(w.refused("alice", "apply_policy", Json::object()).where, "/files");
  EXPECT_EQ(w.refused("alice", "apply_policy", Json::object({{"hash", w.state.policy_hash}})).where,
            "/files");
}

TEST_F(PolicyTexts, OfAsManyFilesAsThereMayBeFit) {
  std::vector<PolicyFile> files = files_with("");
  for (std::size_t i = files.size(); i < kMostPolicyFiles; ++i) {
    files.push_back({std::string(200, 'n') + std::to_string(i), ""});
  }
  w.change("apply_policy", body(files));
  EXPECT_EQ(in_force().size(), kMostPolicyFiles);
}

TEST_F(PolicyTexts, ThatWaitAreBoundedTogether) {
  std::vector<std::string> changes;
  for (int i = 0;; ++i) {
    ASSERT_LT(i, 20);
    const auto files = files_with(large(kMostPolicyFileBytes - 1000, std::to_string(i) + " "));
    auto outcome = w.run("alice", "apply_policy", body(files));
    if (!outcome) {
      EXPECT_EQ(outcome.error().code, Code::kExhausted);
      break;
    }
    changes.push_back(world::text(outcome->result, "change"));
  }
  EXPECT_LE(held_policy_bytes(w.state), kMostHeldPolicyBytes);
  w.must("alice", "withdraw", Json::object({{"id", changes.front()}}));
  propose(files_with(large(kMostPolicyFileBytes - 1000, "again ")));
}

TEST_F(PolicyTexts, AreCompiledOnceWhenAnotherThreadDidIt) {
  const std::vector<PolicyFile> files = files_with(large(1000));
  const auto ahead = compiled_ahead(w.state, "apply_policy", body(files), world::hash_hex);
  ASSERT_TRUE(ahead && *ahead);
  Outside outside = w.outside();
  outside.compiled = *ahead;
  const auto proposed =
      run_command(w.state, w.actor("alice"), "apply_policy", body(files), outside);
  ASSERT_TRUE(proposed);
  w.commit({w.id("alice")}, proposed->events);
  const std::string id = world::text(proposed->result, "change");
  w.show_factor("bob");
  const Json approval = w.approval("bob", id);
  const auto for_approval = compiled_ahead(w.state, "approve", approval, world::hash_hex);
  ASSERT_TRUE(for_approval && *for_approval);
  outside.compiled = *for_approval;
  const auto approved = run_command(w.state, w.actor("bob"), "approve", approval, outside);
  ASSERT_TRUE(approved) << approved.error().text();
  w.commit({w.id("bob")}, approved->events);
  EXPECT_EQ(w.state.policies, *for_approval);
  // Those of other files are not taken.
  outside.compiled = *ahead;
  const auto others =
      run_command(w.state, w.actor("alice"), "apply_policy", body(files_with("permit (")), outside);
  EXPECT_FALSE(others);
  // Nothing is to be compiled for what concerns no policy.
  EXPECT_EQ(*compiled_ahead(w.state, "revoke", Json::object(), world::hash_hex), nullptr);
}

}  // namespace
}  // namespace writ::core
