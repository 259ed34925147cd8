#include "cedar/command_flags.h"

#include <CLI/CLI.hpp>
#include <ostream>

#include "base/json.h"

namespace writ::cedar {
namespace {

// What is wanted where a verb of `app` should stand; empty where one does.
std::string missing_verb(const CLI::App& app) {
  const auto all = app.get_subcommands([](const CLI::App*) { return true; });
  if (all.empty() || !app.get_subcommands().empty()) return {};
  std::string names;
  for (const CLI::App* each : all) names += (names.empty() ? "" : ", ") + each->get_name();
  const std::vector<std::string> words = app.remaining();
  // Behind a flag it may be that one's value.
  const bool is_verb = !words.empty() && !words.front().starts_with("-");
  return is_verb ? "there is no `" + words.front() + "` here; there are " + names
                 : "one of these is wanted: " + names;
}

// "-p=FILE" means "-pFILE" to scripts of `cedar`.
std::string without_equals(std::string word) {
  const bool is_short = word.size() > 2 && word[0] == '-' && word[1] != '-' && word[2] == '=';
  if (is_short) word.erase(2, 1);
  return word;
}

// An empty value is what a variable of the shell leaves that is not set.
std::string wants_value(const std::string& value) {
  return value.empty() ? "its value is empty" : "";
}

}  // namespace

Flag Flag::required(Presence presence) {
  option_->required(presence == Presence::kRequired);
  return *this;
}

Flag Flag::one_of(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}

Flag Flag::at_most(std::uint32_t value) {
  option_->check(CLI::Range(0, static_cast<int>(value)));
  return *this;
}

Flag Flag::from_environment(const std::string& variable) {
  option_->envname(variable);
  return *this;
}

Flag Flag::excludes(Flag other) {
  option_->excludes(other.option_);
  return *this;
}

Flag Flag::needs(Flag other) {
  option_->needs(other.option_);
  return *this;
}

template <class T>
Flag Flags::add_option(const std::string& names, T& into, const std::string& what) {
  return Flag(*app_->add_option(names, into, what)->check(wants_value, "", "given"));
}
template Flag Flags::add_option(const std::string&, std::string&, const std::string&);
template Flag Flags::add_option(const std::string&, std::uint32_t&, const std::string&);
template Flag Flags::add_option(const std::string&, std::size_t&, const std::string&);
template Flag Flags::add_option(const std::string&, bool&, const std::string&);
template Flag Flags::add_option(const std::string&, std::optional<std::string>&,
                                const std::string&);
template Flag Flags::add_option(const std::string&, std::optional<std::uint32_t>&,
                                const std::string&);

Flag Flags::add_flag(const std::string& names, bool& into, const std::string& what) {
  return Flag(*app_->add_flag(names, into, what));
}

Flags Flags::add_verb(const std::string& name, const std::string& what) {
  app_->require_subcommand(1);
  return Flags(*app_->add_subcommand(name, what)->fallthrough());
}

Command::Command(const std::string& name, const std::string& what)
    : app_(std::make_unique<CLI::App>(what, "writ cedar " + name)) {
  flags()
      .add_option("-f,--error-format", error_format_, "human, plain or json")
      .from_environment("CEDAR_ERROR_FORMAT")
      .one_of({"human", "plain", "json"});
}

Command::~Command() = default;

std::optional<int> Command::parse(const Words& args, const Streams& streams) {
  std::vector<std::string> reversed(args.rbegin(), args.rend());
  for (std::string& word : reversed) word = without_equals(std::move(word));
  try {
    app_->parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    const auto is = [&](CLI::ExitCodes code) {
      return error.get_exit_code() == static_cast<int>(code);
    };
    const std::string missing = missing_verb(*app_);
    if (!missing.empty() &&
        (is(CLI::ExitCodes::RequiredError) || is(CLI::ExitCodes::ExtrasError))) {
      streams.err << app_->get_name() << ": " << missing << "\n";
      return kWrongFlags;
    }
    return app_->exit(error, streams.out, streams.err) == 0 ? kDone : kWrongFlags;
  }
  return std::nullopt;
}

std::string Command::verb() const {
  return app_->get_subcommands().front()->get_name();
}

int Command::report(const Streams& streams, const Error& error, std::string_view severity) const {
  if (reports_json()) {
    Json json = Json::object({{"message", error.message}, {"severity", severity}});
    json.set("where", Json(error.where));
    streams.err << compact(json) << "\n";
  } else {
    streams.err << error.text() << "\n";
  }
  return kFailure;
}

}  // namespace writ::cedar
