// AuthZEN searches over the real service: what is found, page by page, and what a search tells
// whom.
#include "api/authzen_for_test.h"
#include "api/page_token.h"
#include "crypto/hash.h"

namespace writ::api {
namespace {

TEST_F(AuthzenTest, CertificationSearch) {
  fixture();
  const Names both{"alice", "bob"}, records{"record-1", "record-2"};
  for (const std::string_view more : {std::string_view(), kContext}) {
    EXPECT_EQ(found(kSubjects, ask(kUsers, kRead, kRecord1, more), "user"), both);
    EXPECT_EQ(found(kResources, ask(kAlice, kRead, kRecords, more), "record"), records);
    EXPECT_EQ(found(kActions, ask(kAlice, "", kRecord1, more), ""), (Names{"read", "write"}));
  }
  EXPECT_EQ(found(kSubjects, ask(kAlice, kRead, kRecord1), "user"), both);
  EXPECT_EQ(found(kResources, ask(kAlice, kRead, kRecord1), "record"), records);
  EXPECT_EQ(found(kSubjects, ask(kUsers, kWrite, kRecord2), "user"), Names{"bob"});
  EXPECT_EQ(found(kResources, ask(kBobAdmin, kWrite, kRecords), "record"), Names{"record-2"});
  EXPECT_EQ(found(kActions, ask(kBobAdmin, "", kRecord2), ""), (Names{"read", "write"}));

  const std::string_view nobody = R"({"type":"user","id":"nonexistent-user"})";
  const std::string_view ship = R"({"type":"spaceship"})",
                         a_ship = R"({"type":"spaceship","id":"x"})";
  EXPECT_TRUE(found(kActions, ask(nobody, "", kRecord1), "").empty());
  EXPECT_TRUE(found(kResources, ask(nobody, kRead, kRecords), "record").empty());
  EXPECT_TRUE(found(kSubjects, ask(ship, kRead, kRecord1), "spaceship").empty());
  EXPECT_TRUE(found(kResources, ask(kAlice, kRead, ship), "spaceship").empty());
  EXPECT_TRUE(found(kActions, ask(kAlice, "", a_ship), "").empty());
  EXPECT_TRUE(found(kSubjects, ask(kUsers, kRead, a_ship), "user").empty());

  EXPECT_EQ(refused(kSubjects, ask(kUsers, "", kRecord1)), "/action");
  EXPECT_EQ(refused(kResources, ask("", kRead, kRecords)), "/subject");
  EXPECT_EQ(refused(kActions, ask(kAlice, "", "")), "/resource");
  EXPECT_EQ(refused(kSubjects, ask(kUsers, kRead, kRecords)), "/resource/id");
  EXPECT_EQ(refused(kResources, ask(kUsers, kRead, kRecords)), "/subject/id");
  EXPECT_EQ(refused(kActions, ask(kUsers, "", kRecord1)), "/subject/id");
}

TEST_F(AuthzenTest, CertificationPages) {
  fixture();
  const auto body = [&](std::string_view page) {
    return ask(kUsers, kRead, kRecord1, "\"page\":" + std::string(page));
  };
  const Json first = answered(kSubjects, body(R"({"limit":1})"));
  const std::string token = text_of(*first.find("page"), "next_token");
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(*first.find("page")->find("count")->as_int(), 1);
  const Json second = answered(kSubjects, body("{\"token\":\"" + token + "\"}"));
  EXPECT_EQ(text_of(*second.find("page"), "next_token"), "");
  Names names = names_of(first, "user");
  for (const std::string& name : names_of(second, "user")) EXPECT_TRUE(names.insert(name).second);
  EXPECT_EQ(names, (Names{"alice", "bob"}));
  const Json whole = answered(kSubjects, body("{}"));
  EXPECT_EQ(text_of(*whole.find("page"), "next_token"), "");
  EXPECT_EQ(*whole.find("page")->find("total")->as_int(), 2);

  for (const std::string_view bad : {R"({"limit":-1})", R"({"limit":"1"})", R"({"limit":1.5})"}) {
    EXPECT_EQ(refused(kSubjects, body(bad)), "/page/limit") << bad;
  }
  EXPECT_EQ(refused(kSubjects, body("[]")), "/page");
  EXPECT_EQ(refused(kSubjects, body(R"({"token":7})")), "/page/token");
  EXPECT_EQ(refused(kSubjects, body("{\"limit\":2,\"token\":\"" + token + "\"}")), "/page/limit");
  std::string changed = token;
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(refused(kSubjects, body("{\"token\":\"" + changed + "\"}")), "/page/token");
  // Of another question, another kind of search, another asker.
  EXPECT_EQ(
      refused(kSubjects, ask(kUsers, kWrite, kRecord1, "\"page\":{\"token\":\"" + token + "\"}")),
      "/page/token");
  EXPECT_EQ(
      refused(kResources, ask(kAlice, kRead, kRecord1, "\"page\":{\"token\":\"" + token + "\"}")),
      "/page/token");
  const Holder other = add(ada_, "pdp-2", "door");
  EXPECT_EQ(post_as(other, kSubjects, body("{\"token\":\"" + token + "\"}"))->status, 400);
  clock_.advance(kTokenLife);
  EXPECT_EQ(refused(kSubjects, body("{\"token\":\"" + token + "\"}")), "/page/token");
}

// Whoever goes on until there is no token comes to an end.
TEST_F(AuthzenTest, APageOfNoResultsIsTheLast) {
  fixture();
  for (const auto& [path, question] :
       {std::pair(kSubjects, ask(kUsers, kRead, kRecord1, R"("page":{"limit":0})")),
        std::pair(kResources, ask(kAlice, kRead, kRecords, R"("page":{"limit":0})")),
        std::pair(kActions, ask(kAlice, "", kRecord1, R"("page":{"limit":0})"))}) {
    EXPECT_EQ(compact(answered(path, question)),
              R"({"page":{"next_token":"","count":0},"results":[]})");
    const Json next = answered(kOne, ask(kAlice, kRead, kRecord1));
    const std::int64_t entry = *next.find("context")->find("entry")->as_int() - 1;
    const auto kept =
        parse_json(plane_->evidence().decision(static_cast<std::uint64_t>(entry))->payload);
    ASSERT_TRUE(kept);
    const Json* search = kept->find("search");
    ASSERT_NE(search, nullptr);
    EXPECT_EQ(*search->find("steps")->as_int(), 0);
    EXPECT_FALSE(*search->find("complete")->as_bool()) << "nobody knows what there is";
  }
  const Holder eve = add(ada_, "eve", "user");
  EXPECT_EQ(post_as(eve, kSubjects,
                    ask(R"({"type":"identity"})", R"({"name":"connect"})",
                        R"({"type":"system","id":"x"})", R"("page":{"limit":0})"))
                ->status,
            403);
}

// As an evaluation says it, and not by finding nothing.
TEST_F(AuthzenTest, ASearchSaysWhatTheDoorMayNotAssert) {
  fixture();
  const std::string_view context = R"("context":{"time":"now","tiem":"now"})";
  EXPECT_EQ(refused(kSubjects, ask(kUsers, kRead, kRecord1, context)), "/context/tiem");
  EXPECT_EQ(refused(kResources, ask(kAlice, kRead, kRecords, context)), "/context/tiem");
  EXPECT_EQ(refused(kActions, ask(kAlice, "", kRecord1, context)), "/context/tiem");
  EXPECT_EQ(refused(kActions, ask(kAlice, "", kRecord1, R"("context":{"soft":"yes"})")),
            "/context/soft");
  const auto next = body_of(post_as(door_, kOne, ask(kAlice, kRead, kRecord1)));
  const std::int64_t entry = *next.find("context")->find("entry")->as_int() - 1;
  const auto kept =
      parse_json(plane_->evidence().decision(static_cast<std::uint64_t>(entry))->payload);
  ASSERT_TRUE(kept);
  const Json* search = kept->find("search");
  ASSERT_NE(search, nullptr) << "what was asked is evidence, refused or not";
  EXPECT_EQ(text_of(*search, "sought"), "actions");
  EXPECT_EQ(text_of(*search, "refused"), "/context/soft");
  EXPECT_EQ(compact(*search->find("asserted")), R"({"context":{"soft":"yes"}})");
  // What asserts nothing is refused for nothing.
  const std::string_view nothing = R"({"type":"identity","id":"i","properties":{}})";
  EXPECT_EQ(status_of(kResources, ask(nothing, kRead, kRecords)), 200);

  const std::string_view misspelt = R"({"type":"record","id":"r","properties":{"staus":"x"}})";
  EXPECT_EQ(refused(kSubjects, ask(kUsers, kRead, misspelt)), "/resource/properties/staus");
  EXPECT_EQ(refused(kActions, ask(kAlice, "", misspelt)), "/resource/properties/staus");
  const std::string_view number = R"({"type":"user","id":"u","properties":{"role":7}})";
  EXPECT_EQ(refused(kResources, ask(number, kRead, kRecords)), "/subject/properties/role");
  EXPECT_EQ(refused(kSubjects, ask(number, kRead, kRecord1)), "/subject/properties/role");
  EXPECT_EQ(refused(kSubjects, ask(kUsers, R"({"name":"read","properties":{"x":1}})", kRecord1)),
            "/action/properties/x");
  const std::string_view identity = R"({"type":"identity","id":"i","properties":{"a":"b"}})";
  EXPECT_EQ(refused(kResources, ask(identity, kRead, kRecords)), "/subject/properties");

  // Who may not search is told nothing else.
  apply_files({{"pdp.cedar", std::string(kPolicies) +
                                 R"(@id("no-search") forbid (principal is Writ::Door,
                                      action == Writ::Action::"search", resource);)"},
               {"pdp.cedarschema", std::string(kSchema)},
               {"pdp.entities.json", std::string(kEntities)}});
  EXPECT_EQ(status_of(kSubjects, ask(kUsers, kRead, misspelt)), 403);
}

TEST_F(AuthzenTest, ASearchIsPermittedByPolicyAndRecordedOnce) {
  const Holder bob = person("bob");
  const Holder eve = add(ada_, "eve", "user");
  add_target("pg-main", door_.identity);
  apply(std::string("@id(\"anyone-connects\") permit (principal, action == ") +
        "Writ::Action::\"connect\", resource);");
  give("grt_a", eve.identity, std::string(kReader));
  const auto subject = [](const Holder& who) {
    return R"({"type":"identity","id":")" + who.identity + "\"}";
  };
  const std::string connect = R"({"name":"connect"})";
  const std::string entitlements = R"({"type":"entitlement"})";
  const std::string reader = R"({"type":"entitlement","id":")" + std::string(kReader) + "\"}";
  const std::string hers = ask(subject(eve), connect, entitlements);
  const std::string who = ask(R"({"type":"identity"})", connect, reader);

  const auto next_entry = [&] {
    const auto reply = post_as(eve, kOne, ask(subject(eve), connect, reader));
    return static_cast<std::uint64_t>(*body_of(reply).find("context")->find("entry")->as_int()) + 1;
  };
  const std::uint64_t before = next_entry();
  const auto own = post_as(eve, kResources, hers);
  ASSERT_EQ(own->status, 200) << own->body;
  EXPECT_EQ(names_of(body_of(own), "entitlement"), Names{std::string(kReader)});
  ASSERT_EQ(next_entry(), before + 2) << "one for the search, and one for this question";
  const auto kept = parse_json(plane_->evidence().decision(before)->payload);
  ASSERT_TRUE(kept);
  EXPECT_EQ(text_of(*kept->find("question"), "action"), "search");
  EXPECT_EQ(text_of(*kept->find("question"), "subject"), eve.identity);
  const Json* search = kept->find("search");
  ASSERT_NE(search, nullptr);
  EXPECT_EQ(text_of(*search, "sought"), "resources");
  EXPECT_EQ(*search->find("results")->as_int(), 1);
  const std::string results = R"([{"type":"entitlement","id":")" + std::string(kReader) + "\"}]";
  EXPECT_EQ(text_of(*search, "results_sha256"), to_hex(as_bytes(crypto::sha256(results))));

  // Administrators may search, and so may the owners of the resource; nobody else.
  EXPECT_EQ(names_of(body_of(post_as(ada_, kResources, hers)), "entitlement"),
            Names{std::string(kReader)});
  EXPECT_EQ(names_of(body_of(post_as(bob, kSubjects, who)), "identity"), Names{eve.identity});
  EXPECT_EQ(post_as(eve, kSubjects, who)->status, 403);
  EXPECT_EQ(post_as(eve, kResources, ask(subject(bob), connect, entitlements))->status, 403);
  EXPECT_EQ(post_as(eve, kActions, ask(subject(bob), "", reader))->status, 403);
  EXPECT_EQ(post_as(eve, kResources,
                    ask(R"({"type":"identity","id":"idn_nobody"})", connect, entitlements))
                ->status,
            403)
      << "not even whether there is one";
  // A door searches in its own application; about Writ's own when policy lets it.
  EXPECT_EQ(post_as(door_, kSubjects, who)->status, 403);
  EXPECT_EQ(post_as(door_, kResources, hers)->status, 403);
  apply(
      "@id(\"anyone-connects\") permit (principal, action == Writ::Action::\"connect\", resource);"
      "@id(\"doors-search\") permit (principal is Writ::Door, action == Writ::Action::\"search\","
      "  resource);");
  EXPECT_EQ(names_of(body_of(post_as(door_, kResources, hers)), "entitlement"),
            Names{std::string(kReader)});
  const Holder other = add(ada_, "door-2", "door");
  EXPECT_TRUE(names_of(body_of(post_as(other, kResources, hers)), "entitlement").empty())
      << "it does not stand before this target";
  EXPECT_TRUE(names_of(body_of(post_as(eve, kResources,
                                       ask(subject(eve), R"({"name":"approve"})", entitlements))),
                       "entitlement")
                  .contains(std::string(kReader)))
      << "terms name the approvers";
}

}  // namespace
}  // namespace writ::api
