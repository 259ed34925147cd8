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

// The option of that name, here or of a verb below; null when there is none.
const CLI::Option* option_named(const CLI::App& app, const std::string& name) {
  if (const CLI::Option* found = app.get_option_no_throw(name)) return found;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (const CLI::Option* found = verb->get_option_no_throw(name)) return found;
  }
  return nullptr;
}

// To `cedar` "-p=FILE" is "-p FILE". Values and what stands behind "--" stay as they are.
Words with_equals_split(const CLI::App& app, const Words& args) {
  Words made;
  const auto takes_value = [&](const std::string& name) {
    const CLI::Option* option = option_named(app, name);
    return option != nullptr && option->get_items_expected_max() > 0;
  };
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& word = args[i];
    if (word == "--") {
      made.insert(made.end(), args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
      break;
    }
    const std::string name = word.substr(0, 2);
    if (word.size() > 2 && name[0] == '-' && name[1] != '-' && word[2] == '=' &&
        takes_value(name)) {
      made.push_back(name);
      made.push_back(word.substr(3));
      continue;
    }
    made.push_back(word);
    const bool is_value_next = word.size() > 1 && word[0] == '-' &&
                               (word.size() == 2 || word[1] == '-') &&
                               word.find('=') == std::string::npos && takes_value(word);
    if (is_value_next && i + 1 < args.size()) made.push_back(args[++i]);
  }
  return made;
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
  const Words split = with_equals_split(*app_, args);
  std::vector<std::string> reversed(split.rbegin(), split.rend());
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
