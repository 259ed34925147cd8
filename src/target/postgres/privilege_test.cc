#include "target/postgres/privilege.h"

#include <gmock/gmock.h>

namespace writ::target::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(std::string_view text) {
  const auto privilege = parse_privilege(text, "orders");
  return privilege ? "" : privilege.error().message;
}

TEST(Privilege, ReadsEveryForm) {
  const auto table = parse_privilege("select, INSERT on table Public.\"Odd \"\"t\"", "orders");
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_THAT(table->verbs, ElementsAre("SELECT", "INSERT"));
  EXPECT_EQ(table->kind, "table");
  EXPECT_EQ(table->schema, "public");
  EXPECT_EQ(table->object, "Odd \"t");
  const auto all = parse_privilege("SELECT ON ALL TABLES IN SCHEMA s", "orders");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->kind, "all tables");
  EXPECT_EQ(all->schema, "s");
  const auto function = parse_privilege("EXECUTE ON FUNCTION a.f(integer, text[])", "orders");
  ASSERT_TRUE(function);
  EXPECT_EQ(function->arguments, "integer, text[]");
  EXPECT_EQ(error_of("TEMP ON DATABASE orders"), "");
}

TEST(Privilege, SaysWhatIsWrong) {
  EXPECT_THAT(error_of(""), HasSubstr("a privilege such as SELECT"));
  EXPECT_THAT(error_of("SELECT"), HasSubstr("ON is wanted"));
  EXPECT_THAT(error_of("SELECT ON orders"), HasSubstr("TABLE, SEQUENCE"));
  EXPECT_THAT(error_of("SELECT ON TABLE orders"), HasSubstr("with its schema"));
  EXPECT_THAT(error_of("SELECT ON TABLE public.orders; DROP TABLE x"), HasSubstr("more text"));
  EXPECT_THAT(error_of("SELECT ON TABLE public.\"orders"), HasSubstr("no end"));
  EXPECT_THAT(error_of("TRIGGER ON TABLE public.orders"), HasSubstr("cannot be granted"));
  EXPECT_THAT(error_of("ALL ON TABLE public.orders"), HasSubstr("cannot be granted"));
  EXPECT_THAT(error_of("EXECUTE ON FUNCTION public.f(int); --)"), HasSubstr("not types"));
  EXPECT_THAT(error_of("EXECUTE ON FUNCTION public.f"), HasSubstr("types"));
  EXPECT_THAT(error_of("CONNECT ON DATABASE billing"), HasSubstr("own database"));
  EXPECT_THAT(error_of("EXECUTE ON ALL FUNCTIONS IN SCHEMA writ"), HasSubstr("Writ's own"));
  EXPECT_THAT(error_of("SELECT ON TABLE public." + std::string(2000, 'a')),
              HasSubstr("1000 bytes"));
}

}  // namespace
}  // namespace writ::target::postgres
