// What the verbs of `writ cedar` take on the command line: each says its flags, and they are read
// by CLI11, whose header is so long that command_flags.cc alone includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/command.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace writ::cedar {

inline constexpr int kDone = 0;
inline constexpr int kFailure = 1;
inline constexpr int kDenied = 2;
inline constexpr int kWrongFlags = 2;
inline constexpr int kNotValid = 3;
inline constexpr int kUndecided = 4;

enum class Presence { kOptional, kRequired };

// A flag or an operand that was added; it lives as long as its Command. Each function answers the
// flag itself.
class Flag {
 public:
  explicit Flag(CLI::Option& option) : option_(&option) {}
  Flag required(Presence presence = Presence::kRequired);
  // Other values are an error.
  Flag one_of(const std::vector<std::string>& values);
  Flag at_most(std::uint32_t value);
  // The value when the flag is left out, if this variable is set.
  Flag from_environment(const std::string& variable);
  // To give both is an error.
  Flag excludes(Flag other);
  // To give this without the other is an error.
  Flag needs(Flag other);

 private:
  CLI::Option* option_;
};

// What a verb takes. It is a view: the Command owns the flags.
class Flags {
 public:
  explicit Flags(CLI::App& app) : app_(&app) {}
  // `names` are "-s,--long", or NAME for an operand; the value goes to `into`, which lives at least
  // until the words are parsed and keeps what it holds when the flag is left out. T is std::string,
  // std::uint32_t, std::size_t, bool (true or false), or optional text or std::uint32_t.
  template <class T>
  Flag add_option(const std::string& names, T& into, const std::string& what);
  // Without a value: true when given.
  Flag add_flag(const std::string& names, bool& into, const std::string& what);
  // One of the verbs below this one, one of which must be given. Flags of this one may stand behind
  // it too.
  Flags add_verb(const std::string& name, const std::string& what);

 private:
  CLI::App* app_;
};

// One verb of `writ cedar`, with --error-format.
class Command {
 public:
  Command(const std::string& name, const std::string& what);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  Flags flags() { return Flags(*app_); }
  // Parses arguments; answers an exit status when there is nothing left to do.
  std::optional<int> parse(const Words& args, const Streams& streams);
  // The name of the verb that was given.
  std::string verb() const;
  // Whether --error-format says json.
  bool reports_json() const { return error_format_ == "json"; }
  // Writes the error to standard error as --error-format says; answers kFailure.
  int report(const Streams& streams, const Error& error, std::string_view severity = "error") const;

 private:
  std::unique_ptr<CLI::App> app_;
  std::string error_format_ = "human";
};

}  // namespace writ::cedar
