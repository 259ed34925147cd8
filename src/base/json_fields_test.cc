#include "base/json_fields.h"

#include <gtest/gtest.h>

#include <array>

#include "base/json_pointer.h"

namespace writ {
namespace {

enum class Color { kRed, kGreen };
constexpr auto enum_names(Color) {
  return std::to_array<std::string_view>({"red", "green"});
}

struct Leaf {
  int size = 0;
  Color color = Color::kRed;
};
template <class V>
void fields(V& v, Leaf& l) {
  v("size", l.size);
  v("color", l.color);
}
struct Tree {
  std::string name;
  std::vector<Leaf> leaves;
  std::optional<Millis> age;
};
template <class V>
void fields(V& v, Tree& t) {
  v("name", t.name);
  v("leaves", t.leaves);
  v("age_ms", t.age);
}

std::string error_of(std::string_view text) {
  auto tree = from_json<Tree>(*parse_json(text));
  return tree ? "read" : tree.error().text();
}

TEST(JsonFields, RoundTrips) {
  const Tree tree{"oak", {{3, Color::kGreen}}, Millis(5)};
  const Json json = to_json(tree);
  EXPECT_EQ(compact(json), R"({"name":"oak","leaves":[{"size":3,"color":"green"}],"age_ms":5})");
  EXPECT_EQ(compact(to_json(*from_json<Tree>(json))), compact(json));
  EXPECT_FALSE(from_json<Tree>(*parse_json(R"({"name":"a","leaves":[]})"))->age);
}

TEST(JsonFields, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(error_of(R"({"leaves":[]})"), "the member \"name\" is missing");
  EXPECT_EQ(error_of(R"({"name":"a","leaves":[],"x":1})"), "/x: there is no member of this name");
  EXPECT_EQ(error_of(R"({"name":"a","leaves":[{"size":1,"color":"blue"}]})"),
            "/leaves/0/color: \"blue\" is none of red, green");
  EXPECT_EQ(error_of(R"({"name":"a","leaves":[{"size":4294967296,"color":"red"}]})"),
            "/leaves/0/size: the integer is out of range");
  EXPECT_EQ(error_of("[]"), "an object is wanted here, not an array");
}

// The pointer of the whole is "": "/" is that of its member "".
TEST(JsonFields, PlacesBeginWithThatOfTheWhole) {
  const auto where = [](std::string_view name, std::string_view text) {
    return from_json<Tree>(*parse_json(text), place_in_json(name)).error().where;
  };
  EXPECT_EQ(where("t.json", "[]"), "t.json#");
  EXPECT_EQ(where("t.json", R"({"name":"a","leaves":[],"":1})"), "t.json#/");
  EXPECT_EQ(where("t.json", R"({"name":"a","leaves":[1]})"), "t.json#/leaves/0");
  EXPECT_EQ(where("", "[]"), "");
  EXPECT_EQ(where("", R"({"name":1,"leaves":[]})"), "/name");
  EXPECT_EQ(where("", R"({"name":"a","leaves":[],"a/b~":1})"), "/a~1b~0");
}

}  // namespace
}  // namespace writ
