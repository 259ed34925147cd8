#include "cedar/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sanitizer_for_test.h"
#include "cedar/uids_for_test.h"
#include "cedar/world_for_test.h"

namespace writ::cedar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kSchema = R"(
  entity Team in [Team];
  entity User in [Team];
  entity Folder in [Folder];
  entity Doc in [Folder] = { owner: User, readers: Team, editors: Set<User>, public: Bool,
                             size: Long };
  action read appliesTo { principal: [User], resource: [Doc], context: { mfa: Bool } };
)";

class Search : public testing::Test {
 protected:
  // Documents 0 to 9 of users 0 to 2, in folders 0 to 4; number 9 is public. Team "t" reads the
  // even ones; user 2 edits the third.
  Search() {
    const auto uid = [](std::string_view type, std::size_t n) {
      return EntityUid(type, std::to_string(n));
    };
    for (std::size_t i = 0; i < 10; ++i) {
      std::vector<Value> editors;
      if (i == 3) editors.push_back(Value::entity(uid("User", 2)));
      Entity doc{uid("Doc", i)};
      doc.attrs = Value::record(
          {{String("owner"), Value::entity(uid("User", i % 3))},
           {String("readers"), Value::entity(EntityUid("Team", i % 2 == 0 ? "t" : "none"))},
           {String("editors"), Value::set(std::move(editors))},
           {String("public"), Value::boolean(i == 9)},
           {String("size"), Value::integer(i == 8 ? std::numeric_limits<std::int64_t>::max()
                                                  : static_cast<std::int64_t>(i))}});
      doc.ancestors = UidSet({uid("Folder", i / 2), EntityUid("Folder", "root")});
      docs_.push_back(std::move(doc));
    }
  }

  Found found(std::string_view policies, std::string_view user = "2",
              const SearchOptions& options = {}) {
    const PartialRequest request{{"User", std::string(user)},
                                 EntityUid("Action", "read"),
                                 {"Doc", {}},
                                 Value::record({{String("mfa"), Value::boolean(true)}})};
    const EntityIndex index(docs_, {"owner", "readers", "editors"});
    const auto typed = TypedPolicies::of(PolicySet::parse(policies, "p").value(), schema_,
                                         {"User", request.action, "Doc"});
    EXPECT_TRUE(typed) << typed.error().text();
    const auto made = search(*typed, request, index, users_, options);
    EXPECT_TRUE(made) << made.error().text();
    return made.value_or(Found());
  }
  static std::string permit(std::string_view condition) {
    return "permit (principal, action, resource) when { " + std::string(condition) + " };";
  }

  Schema schema_ = Schema::parse(kSchema, "s").value();
  std::vector<Entity> docs_;
  Entities users_ = Entities::parse_json(
                        R"([{"uid": {"type": "User", "id": "2"}, "attrs": {},
                             "parents": [{"type": "Team", "id": "t"}]}])")
                        .value();
};

TEST_F(Search, LooksUpWhatResidualsName) {
  Found made = found(permit("resource.owner == principal"));
  EXPECT_THAT(made.allowed, ElementsAre(2, 5, 8));
  EXPECT_EQ(made.looked_at, 3U);
  made = found("permit (principal, action, resource == Doc::\"4\");");
  EXPECT_THAT(made.allowed, ElementsAre(4));
  EXPECT_EQ(made.looked_at, 1U);
  made = found("permit (principal, action, resource in Folder::\"1\");");
  EXPECT_THAT(made.allowed, ElementsAre(2, 3));
  EXPECT_EQ(made.looked_at, 2U);
  made = found(permit("principal in resource.readers && context.mfa"));
  EXPECT_THAT(made.allowed, ElementsAre(0, 2, 4, 6, 8));
  EXPECT_EQ(made.looked_at, 5U);
  made = found(permit("resource.editors.contains(principal) || resource == Doc::\"0\""));
  EXPECT_THAT(made.allowed, ElementsAre(0, 3));
  EXPECT_EQ(made.looked_at, 2U);
  made = found(permit("resource in Folder::\"root\" && resource == Doc::\"1\""));
  EXPECT_EQ(made.looked_at, 1U);
}

TEST_F(Search, LooksAtAllWhereItMust) {
  Found made = found(permit("resource.public"));
  EXPECT_THAT(made.allowed, ElementsAre(9));
  EXPECT_EQ(made.looked_at, 10U);
  made = found(permit("resource.owner == principal") + permit("resource.size > 6"));
  EXPECT_THAT(made.allowed, ElementsAre(2, 5, 7, 8, 9));
  EXPECT_EQ(made.looked_at, 10U);
  made = found(permit("true"));
  EXPECT_EQ(made.allowed.size(), 10U);
  made = found(permit("!context.mfa"));
  EXPECT_THAT(made.allowed, IsEmpty());
  EXPECT_EQ(made.looked_at, 0U);
}

TEST_F(Search, ForbidsHold) {
  const std::string policies =
      permit("resource.owner == principal") +
      "forbid (principal, action, resource) when { resource.size + 1 > 5 };";
  EXPECT_THAT(found(policies).allowed, ElementsAre(2, 8));  // for 8 the forbid fails
  EXPECT_THAT(found(policies, "2", {FailedForbid::kDenies}).allowed, ElementsAre(2));
}

TEST_F(Search, WantsOneUnknown) {
  const PartialRequest all_known{{"User", "2"},
                                 EntityUid("Action", "read"),
                                 {"Doc", "1"},
                                 Value::record({{String("mfa"), Value::boolean(true)}})};
  PartialRequest no_context = all_known;
  no_context.resource.id.reset();
  no_context.context.reset();
  const auto typed =
      TypedPolicies::of(PolicySet::parse("").value(), schema_, {"User", all_known.action, "Doc"});
  for (const PartialRequest& request : {all_known, no_context}) {
    const auto made = search(*typed, request, EntityIndex(docs_, {}), users_);
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message, HasSubstr("nothing else"));
  }
}

TEST(EntityIndex, ChosenIdsDoNotMakeItSlow) {
  // All of one hash: an index that looked at each of them would take long here.
  const std::vector<EntityUid> uids = uids_of_one_hash(40'000);
  const EntityUid group("Group", "g");
  std::vector<Entity> entities;
  for (const EntityUid& uid : uids) {
    const Value owner = Value::entity(uid);
    entities.push_back(
        {uid, Value::record({{String("owner"), owner}, {String("readers"), Value::set({owner})}})});
    entities.back().ancestors = UidSet({group});
  }
  const EntityIndex index(entities, {"owner", "readers"});
  for (std::uint32_t i = 0; i < uids.size(); ++i) {
    const Value uid = Value::entity(uids[i]);
    ASSERT_THAT(index.find({Lookup::Kind::kIs, {}, uid}), ElementsAre(i));
    ASSERT_THAT(index.find({Lookup::Kind::kIn, {}, uid}), ElementsAre(i));
    ASSERT_THAT(index.find({Lookup::Kind::kHas, "owner", uid}), ElementsAre(i));
    ASSERT_THAT(index.find({Lookup::Kind::kHolds, "readers", uid}), ElementsAre(i));
  }
  const auto below = index.find({Lookup::Kind::kIn, {}, Value::entity(group)});
  EXPECT_EQ(below.size(), uids.size());
  EXPECT_TRUE(std::is_sorted(below.begin(), below.end()));
  EXPECT_THAT(index.find({Lookup::Kind::kIs, {}, Value::entity(group)}), IsEmpty());
}

// Over random worlds, for principals and resources.
TEST(SearchLaws, FindsWhatTheAuthorizerAllows) {
  std::size_t allowed = 0;
  std::size_t spared = 0;
  for (unsigned long long seed = 0; seed < rounds(300U); ++seed) {
    World world(seed);
    std::string text;
    for (int i = 0; i < 3; ++i) text += world.policy();
    const PolicySet policies = PolicySet::parse(text, "p").value();
    const Entities entities = Entities::from_json(world.entities()).value();
    const std::vector<Entity> all(entities.begin(), entities.end());
    const EntityIndex index(all, {"a", "b", "c", "d"});
    const Request request = world.request();
    const bool principal = world.chance(50);
    const auto part = [](const EntityUid& uid, bool known) {
      PartialUid made{std::string(uid.type()), {}};
      if (known) made.id = std::string(uid.id());
      return made;
    };
    const PartialRequest asked{part(request.principal, !principal), request.action,
                               part(request.resource, principal), request.context};
    const auto typed = TypedPolicies::of(policies, world.schema(), world.environment()).value();
    const bool strict = world.chance(50);
    const SearchOptions options{strict ? FailedForbid::kDenies : FailedForbid::kSkipped};
    const auto made = search(typed, asked, index, entities, options);
    ASSERT_TRUE(made) << made.error().text();
    std::vector<std::uint32_t> expected;
    std::size_t candidates = 0;
    const CompiledPolicies compiled(policies);
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      if (all[i].uid.type() != (principal ? request.principal : request.resource).type()) continue;
      ++candidates;
      Request one = request;
      (principal ? one.principal : one.resource) = all[i].uid;
      const Response is = authorize(compiled, one, entities);
      if (is.decision == Decision::kAllow && !(strict && is.forbid_failed)) expected.push_back(i);
    }
    ASSERT_EQ(made->allowed, expected) << seed << "\n" << text;
    allowed += expected.size();
    spared += candidates - made->looked_at;
  }
  EXPECT_GT(allowed, rounds(100U));
  EXPECT_GT(spared, rounds(300U));
}

}  // namespace
}  // namespace writ::cedar
