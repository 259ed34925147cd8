#include "cedar/tpe_fold.h"

#include <gtest/gtest.h>

#include "cedar/evaluation.h"

namespace writ::cedar::detail {
namespace {

using Outcome = Residual::Outcome;

// Without types, of a request of which the context and the resource's id are unknown.
Residual folded(const std::string& condition) {
  const PolicySet set =
      PolicySet::parse("permit (principal, action, resource) when { " + condition + " };", "p")
          .value();
  const CoreExpr expr = lower(set.policies().at(0)).value();
  const PartialRequest request{{"U", "u"}, EntityUid("Action", "go"), {"D", {}}, {}};
  const PartialEntities nothing;
  const Known known{request, nothing};
  Steps steps(1'000);
  return Folding(known, steps).fold(expr, nullptr);
}

// What is no boolean fails where one is wanted, so an unknown one does not give way to what stands
// behind it.
TEST(Folding, WithoutTypesTheUnknownMayBeNoBoolean) {
  const Request request{EntityUid("U", "u"), EntityUid("Action", "go"), EntityUid("D", "d"),
                        Value::record()};
  for (const std::string condition :
       {"context && false", "context || true", "resource && false", "[resource] && false",
        "{a: context} || true", "(true && context) && false", "(false || resource) || true",
        "(if context then true else true) && false", "(if resource then 1 else 2) && false",
        "(if resource == D::\"d\" then 1 else 2) && false", "(true && context) == context"}) {
    ASSERT_FALSE(evaluate(condition, request, Entities())) << condition;
    const Residual left = folded(condition);
    EXPECT_TRUE(left.outcome == Outcome::kPartial && left.may_fail) << condition;
  }
}

TEST(Folding, WithoutTypesWhatIsABooleanCannotFail) {
  for (const std::string condition : {"resource == D::\"d\" && false", "context == 1 && false",
                                      "(context == 1 || resource == context) && false"}) {
    EXPECT_EQ(folded(condition).outcome, Outcome::kFalse) << condition;
  }
  const Residual left = folded("context == 1 || resource == context");
  EXPECT_TRUE(left.outcome == Outcome::kPartial && !left.may_fail);
}

}  // namespace
}  // namespace writ::cedar::detail
