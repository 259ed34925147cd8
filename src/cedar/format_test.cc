#include "cedar/format.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/random.h"
#include "cedar/conformance_for_test.h"
#include "cedar/lexer.h"

namespace writ::cedar {
namespace {

namespace fs = std::filesystem;

std::string formatted(std::string_view text, const FormatOptions& options = {}) {
  const Result<std::string> made = format(text, "p", options);
  if (!made) return made.error().text();
  EXPECT_EQ(format(*made, "again", options).value_or("fails"), *made) << "formatting is idempotent";
  return *made;
}

TEST(Format, ShortPoliciesStayShort) {
  EXPECT_EQ(formatted("permit(principal,action,resource);permit(principal,action,resource,)when{"
                      "true};"),
            "permit (principal, action, resource);\n\n"
            "permit (principal, action, resource)\nwhen { true };\n");
  EXPECT_EQ(formatted(""), "");
}

TEST(Format, ScopesAndConditionsBreakWhereTheyMust) {
  EXPECT_EQ(formatted(R"(@id("a")@note
    permit(principal is N::User in N::Group::"staff", action in [Action::"a",Action::"b",],
      resource) when { principal.department == resource.department && context.mfa && (resource has
      owner.name || !resource.private) } unless { if context.a then [1,2].contains(principal.level)
      else ip("10.0.0.1").isInRange(ip("10.0.0.0/8")) };)"),
            R"(@id("a")
@note
permit (
  principal is N::User in N::Group::"staff",
  action in [Action::"a", Action::"b"],
  resource
)
when
{
  principal.department == resource.department &&
  context.mfa &&
  (resource has owner.name || !resource.private)
}
unless
{
  if
    context.a
  then
    [1, 2].contains(principal.level)
  else
    ip("10.0.0.1").isInRange(ip("10.0.0.0/8"))
};
)");
}

TEST(Format, RecordsAndCallsBreakInside) {
  EXPECT_EQ(formatted("permit(principal,action,resource) when { {first: 1, \"second one\": "
                      "{third: \"a long string that does not fit on this line\"}} == context };",
                      {.line_width = 60, .indent_width = 4}),
            R"(permit (principal, action, resource)
when
{
    {
        first: 1,
        "second one": {
            third: "a long string that does not fit on this line"
        }
    } == context
};
)");
}

TEST(Format, KeepsEveryComment) {
  EXPECT_EQ(formatted(R"(// the file
// has a head
@id("a") // of a
permit ( // who
  principal, action, // what

  // which
  resource
)
when { // if
  // first
  context.a // a
  && context.b
}; // done
// the end)"),
            R"(// the file
// has a head
@id("a") // of a
permit
( // who
principal, action, // what
  // which
  resource)
when
{ // if
  // first
  context.a // a
   &&
  context.b
}; // done
// the end
)");
  EXPECT_EQ(formatted("// nothing here"), "// nothing here\n");
}

TEST(Format, CommentsEndBeforeWhiteSpaceOfAnyKind) {
  EXPECT_EQ(formatted("permit (principal, action, resource); // a\u00a0\u2003\t \n"),
            "permit (principal, action, resource); // a\n");
}

TEST(Format, StringsStayAsTheyAre) {
  const std::string text =
      "permit (principal, action, resource)\nwhen { \"a\n\n   // no comment\n\\\" \\u{41}\" == "
      "\"\" };\n";
  EXPECT_EQ(formatted(text), text);
}

TEST(Format, RefusesWhatDoesNotParse) {
  EXPECT_FALSE(format("permit (principal, action);"));
}

// The policy again, with comments strewn between its tokens.
std::string with_comments(const std::string& text, SeededRandom& random) {
  const Source source("", text);
  const auto tokens = tokenize(source);
  std::string made;
  for (const Token& token : *tokens) {
    if (random.below(5) == 0) made += " // c" + std::to_string(random.below(100)) + "\n";
    if (random.below(9) == 0) made += "\n  // \"d\n//e \n\n";
    made += " " + text.substr(token.begin, token.end - token.begin);
  }
  return made;
}

TEST(Format, AgreesWithItselfOnEveryPolicyOfTheCorpus) {
  const auto folder = cedar_conformance();
  if (!folder) GTEST_SKIP() << "no conformance data; set WRIT_CONFORMANCE to its folder";
  const auto unpacked = unpacked_conformance();
  ASSERT_TRUE(unpacked);
  SeededRandom random(7);
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(*unpacked)) {
    if (entry.path().extension() != ".cedar") continue;
    const std::string text = *read_file(entry.path().string());
    for (const std::string& each : {text, with_comments(text, random)}) {
      const auto once = format(each, entry.path().string());
      ASSERT_TRUE(once) << once.error().text() << "\n" << each;
      ASSERT_EQ(format(*once, "again").value_or("fails"), *once) << each;
    }
    ++count;
  }
  EXPECT_EQ(count, 5916U);
}

}  // namespace
}  // namespace writ::cedar
