#include "core/grants.h"

#include <gtest/gtest.h>

#include <map>

#include "core/entities.h"
#include "core/house_test.h"
#include "core/policy.h"

namespace writ::core {
namespace {

using house::Furnished;

TEST(Grants, ShareTheTextsOfWhatTheyName) {
  Furnished h;
  Grant made = h.grant("grt_1", "idn_erin", "pg-main/orders/reader", "engineers-read");
  made.approvers = std::vector<std::string>{"idn_dana"};
  made.purpose = Sealed{"idn_erin", "box"};
  h.live(made);
  const auto again = decode_snapshot(encode_snapshot(h.state), h.sealer);
  ASSERT_TRUE(again) << again.error().text();
  for (const State* state : {&std::as_const(h.state), &*again}) {
    const Grant& grant = *state->grants.find("grt_1");
    const Subject& erin = *state->entities->subject("idn_erin");
    const EntitlementEntry& entry = *state->entities->entitlement("pg-main/orders/reader");
    EXPECT_TRUE(grant.beneficiary.shares(erin.id));
    EXPECT_TRUE(grant.purpose->subject.shares(erin.id));
    EXPECT_TRUE(grant.approvers.begin()->shares(state->entities->subject("idn_dana")->id));
    EXPECT_TRUE(grant.entitlement.shares(entry.name));
    EXPECT_TRUE(grant.policy.shares(state->policies->giver("engineers-read")->id));
    EXPECT_EQ(grant.beneficiary_number, erin.number);
    EXPECT_EQ(grant.entitlement_number, entry.number);
    EXPECT_EQ(grant.policy_hash, cow_hash(std::string_view("engineers-read")));
  }
}

TEST(Grants, OfAPolicyThatIsGoneKeepItsName) {
  Furnished h;
  h.hold();
  h.policies("");
  EXPECT_EQ(h.state.grants.find("grt_1")->policy, "engineers-read");
  const auto again = decode_snapshot(encode_snapshot(h.state), h.sealer);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->grants.find("grt_1")->policy, "engineers-read");
}

// Grants come, change and go; the index is always the same as one made of those that are there.
TEST(GrantIndex, IsThatOfTheGrantsThatAreThere) {
  Furnished h;
  SeededRandom random(5);
  std::vector<std::string> there;
  const std::vector<std::string> people{"idn_erin", "idn_dana"};
  const std::vector<std::string> things{"pg-main/orders/reader", "pg-main/orders/writer"};
  for (int step = 0; step < 600; ++step) {
    h.now += std::chrono::seconds(random.below(40));
    const auto pick = random.below(there.size() + 2);
    if (pick >= there.size()) {
      Grant made = h.grant("grt_" + std::to_string(step), people[random.below(2)],
                           things[random.below(2)], "engineers-read");
      made.duration = std::chrono::minutes(1 + random.below(30));
      h.add(GrantCreated{made});
      there.push_back(made.id);
    } else if (const std::string id = there[pick];
               h.state.grants.find(id)->state == GrantState::kActivating) {
      h.activate(id);
    } else {
      h.end(id);
      there.erase(there.begin() + static_cast<std::ptrdiff_t>(pick));
    }
    const GrantIndex made(h.state.grants);
    const GrantIndex& kept = *h.state.grant_index;
    ASSERT_EQ(made.size(), kept.size());
    ASSERT_EQ(made.next_end(), kept.next_end());
    for (const std::string& person : people) {
      ASSERT_EQ(made.of(person) == nullptr, kept.of(person) == nullptr);
      if (made.of(person) != nullptr) {
        ASSERT_EQ(*made.of(person), *kept.of(person));
      }
      for (const std::string& thing : things) {
        const std::uint64_t pair = pair_hash(cow_hash(person), cow_hash(thing));
        const auto held = [&](const GrantIndex& index) {
          auto place = index.begin(pair);
          index.load_tags(place);
          index.load_slot(place);
          return index.load_entry(pair, place);
        };
        const GrantIndex::Held *one = held(made), *two = held(kept);
        ASSERT_EQ(one == nullptr, two == nullptr);
        if (one != nullptr) {
          ASSERT_EQ(one->count(), two->count());
          ASSERT_EQ(one->best(), two->best());
        }
      }
    }
    const Time later = h.now + std::chrono::minutes(random.below(20));
    const auto due = [&](const GrantIndex& index) {
      std::map<std::string, Time> ends;
      index.for_each_due(later, [&](const Grant& g, Time end) { ends.emplace(g.id, end); });
      return ends;
    };
    ASSERT_EQ(due(made), due(kept));
  }
}

}  // namespace

TEST(GrantIndex, WhatIsHeldIsAnAddressAndACount) {
  using Held = GrantIndex::Held;
  EXPECT_EQ(Held().best(), nullptr);
  EXPECT_EQ(Held().count(), 0u);
  const auto grant = std::make_unique<Grant>();
  for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{1000}, Held::kMany}) {
    EXPECT_EQ(Held(grant.get(), count).best(), grant.get());
    EXPECT_EQ(Held(grant.get(), count).count(), count);
    EXPECT_EQ(Held(nullptr, count).best(), nullptr);
    EXPECT_EQ(Held(nullptr, count).count(), count);
  }
  EXPECT_EQ(sizeof(Held), 8u);
}

TEST(GrantIndex, MoreOfAPairThanAreCounted) {
  using Held = GrantIndex::Held;
  constexpr std::size_t kOver = 3;
  std::vector<Grant> grants(Held::kMany + kOver);
  GrantIndex index;
  for (std::size_t i = 0; i < grants.size(); ++i) {
    Grant& g = grants[i];
    g.id = "grt_" + std::to_string(i);
    g.beneficiary = "idn_erin";
    g.entitlement = "pg-main/orders/reader";
    g.state = GrantState::kActive;
    g.created = Time(Millis(static_cast<std::int64_t>(i) + 1));
    g.until = g.created;
    index.put(g);
  }
  const std::uint64_t pair = pair_hash(cow_hash("idn_erin"), cow_hash("pg-main/orders/reader"));
  const auto held = [&] {
    auto place = index.begin(pair);
    index.load_tags(place);
    index.load_slot(place);
    return *index.load_entry(pair, place);
  };
  EXPECT_EQ(held().count(), Held::kMany);
  EXPECT_EQ(held().best(), &grants.back());
  index.drop(grants.front());
  EXPECT_EQ(held().best(), &grants.back());
  for (std::size_t i = grants.size(); i-- > grants.size() - kOver;) {
    index.drop(grants[i]);
    EXPECT_EQ(held().best(), &grants[i - 1]);
  }
  EXPECT_EQ(held().count(), Held::kMany - 1);  // it is counted again
}

// What has other numbers is another pair; here the hash is the same.
TEST(GrantIndex, TwoPairsOfOneHashHaveNoBest) {
  const auto grant = [](std::string id, std::uint32_t number, int hours) {
    Grant g;
    g.id = std::move(id);
    g.beneficiary = "idn_erin";
    g.entitlement = "pg-main/orders/reader";
    g.beneficiary_number = number;
    g.state = GrantState::kActive;
    g.until = Time(std::chrono::hours(hours));
    return g;
  };
  const Grant one = grant("grt_1", 1, 1), shorter = grant("grt_2", 2, 1),
              longer = grant("grt_3", 2, 2), more = grant("grt_4", 1, 3);
  for (const Grant* other : {&shorter, &longer}) {
    GrantIndex index;
    const auto held = [&] {
      const std::uint64_t pair = pair_hash(cow_hash(one.beneficiary), cow_hash(one.entitlement));
      auto place = index.begin(pair);
      index.load_tags(place);
      index.load_slot(place);
      return index.load_entry(pair, place);
    };
    index.put(one);
    ASSERT_NE(held(), nullptr);
    EXPECT_EQ(held()->best(), &one);
    index.put(*other);
    EXPECT_EQ(held()->best(), nullptr);
    EXPECT_EQ(held()->count(), 2u);
    index.put(more);
    EXPECT_EQ(held()->best(), nullptr);
    EXPECT_EQ(held()->count(), 3u);
    index.drop(more);
    index.drop(one);
    EXPECT_EQ(held()->best(), other);
    EXPECT_EQ(held()->count(), 1u);
    index.drop(*other);
    EXPECT_EQ(held(), nullptr);
  }
}

TEST(GrantIndex, WhatAConnectReadsOfAGrantStandsInOneLine) {
  using Entry = detail::CowEntry<std::string, Grant>;
  Grant grant;
  grant.id = "grt_3rf92kn08qcy483y";
  Entry* const entry = Entry::make(grant.id, grant);
  const char* const end_of_size = entry->value().id.view().data();
  EXPECT_LE(end_of_size - reinterpret_cast<const char*>(entry), detail::kCacheLine);
  Entry::destroy(entry);
}

}  // namespace writ::core
