// Random worlds for property tests: a schema, policies that mostly validate under it, and requests
// and entities that are valid. Small, so that things meet: few names, few ids, few values.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "cedar/schema.h"
#include "cedar/tpe.h"

namespace writ::cedar {

class World {
 public:
  explicit World(unsigned long long seed);

  const Schema& schema() const { return schema_; }
  const std::string& schema_text() const { return schema_text_; }
  const Environment& environment() const { return environment_; }
  // A policy that passes strict validation in the environment.
  std::string policy();
  // An expression of the type, in Cedar. It may be wrong: attributes that are not there, overflow.
  std::string expr(const Type& type, int depth);
  Request request();
  // Valid entities in Cedar's JSON, actions included; some are missing.
  Json entities();
  Value value(const Type& type);
  EntityUid uid(std::string_view type);
  // Of a record, without escaping the record itself.
  static Json record_json(const Value& record);

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  std::size_t below(std::size_t bound) { return random_.below(bound); }

 private:
  std::string type_text(int depth);
  std::string record_text(int attributes, int depth);
  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }
  std::string literal(const Type& type);
  std::string boolean(int depth);
  // Paths from the variables to values of the type, with the test that they are there.
  struct Path {
    std::string text;
    std::string guard;
  };
  std::vector<Path> paths(const Type& type) const;
  void follow(const Type& wanted, const Type& from, const Path& path, int depth,
              std::vector<Path>& into) const;
  Value call_extension_text(Extension extension);

  SeededRandom random_;
  std::string schema_text_;
  Schema schema_;
  Environment environment_;
};

}  // namespace writ::cedar
