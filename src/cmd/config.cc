#include "cmd/config.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "cmd/text.h"

namespace writ::cmd {
namespace {

// One file's table; every key is asked for once, and what was not asked for does not exist.
class Reader {
 public:
  Reader(const toml::table& table, const std::string& path) : table_(table), path_(path) {}

  std::optional<std::string> text(std::string_view key) {
    const toml::node* node = take(key);
    if (node == nullptr) return std::nullopt;
    if (const auto* value = node->as_string()) return value->get();
    complain(*node, "a string is wanted here");
    return std::nullopt;
  }

  std::string needed_path(std::string_view key) {
    const auto value = text(key);
    if (!value && !missing_) {
      missing_ = Error{Code::kInvalid, "the key \"" + std::string(key) + "\" is missing", path_};
    }
    if (!value || value->empty()) return "";
    return (std::filesystem::path(path_).parent_path() / *value).lexically_normal().string();
  }

  net::Endpoint endpoint(std::string_view key, net::Endpoint otherwise) {
    const auto value = text(key);
    if (!value) return otherwise;
    const auto endpoint = net::parse_endpoint(*value);
    if (endpoint) return *endpoint;
    complain(*table_.get(key), endpoint.error().message);
    return otherwise;
  }

  unsigned number(std::string_view key, unsigned otherwise, unsigned least, unsigned most) {
    const toml::node* node = take(key);
    if (node == nullptr) return otherwise;
    const auto* value = node->as_integer();
    if (value != nullptr && value->get() >= least && value->get() <= most) {
      return static_cast<unsigned>(value->get());
    }
    complain(*node, "a number from " + std::to_string(least) + " to " + std::to_string(most) +
                        " is wanted here");
    return otherwise;
  }

  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> out;
    const toml::node* node = take(key);
    if (node == nullptr) return out;
    const toml::array* items = node->as_array();
    if (items == nullptr) {
      complain(*node, "a list of strings is wanted here");
      return out;
    }
    for (const toml::node& item : *items) {
      if (const auto* value = item.as_string()) {
        out.push_back(value->get());
      } else {
        complain(item, "a string is wanted here");
      }
    }
    return out;
  }

  Level level(std::string_view key) {
    const auto value = text(key);
    if (!value) return Level::kInfo;
    const std::vector<std::string> names{"debug", "info", "warn", "error"};
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == *value) return static_cast<Level>(i);
    }
    complain(*table_.get(key), "this is debug, info, warn or error");
    return Level::kInfo;
  }

  // The first thing that is wrong, unknown keys included.
  Status finish() {
    for (const auto& [key, node] : table_) {
      if (error_) break;
      const std::string name(key.str());
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      const std::string near = nearest(name, known_);
      std::string message = "there is no key \"" + printable(name) + "\"";
      message += near.empty() ? "" : "; did you mean \"" + near + "\"?";
      error_ = Error{Code::kInvalid, std::move(message), place(key.source())};
    }
    // A misspelled key explains a missing one, so it comes first.
    if (!error_) error_ = missing_;
    if (error_) return tl::unexpected<Error>(*error_);
    return {};
  }

 private:
  const toml::node* take(std::string_view key) {
    known_.emplace_back(key);
    return table_.get(key);
  }
  std::string place(const toml::source_region& region) const {
    return path_ + ":" + std::to_string(region.begin.line) + ":" +
           std::to_string(region.begin.column);
  }
  void complain(const toml::node& node, std::string message) {
    if (!error_) error_ = Error{Code::kInvalid, std::move(message), place(node.source())};
  }

  const toml::table& table_;
  const std::string& path_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
  std::optional<Error> missing_;
};

Result<toml::table> parse(std::string_view text, const std::string& path) {
  toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(Code::kInvalid, std::string(error.description()),
                path + ":" + std::to_string(error.source().begin.line) + ":" +
                    std::to_string(error.source().begin.column));
  }
  return std::move(parsed).table();
}

}  // namespace

Result<ServerConfig> parse_server_config(std::string_view text, const std::string& path) {
  TRY(table, parse(text, path));
  Reader reader(table, path);
  ServerConfig config;
  config.data_folder = reader.needed_path("data");
  config.kek_file = reader.needed_path("kek");
  config.listen = reader.endpoint("listen", config.listen);
  config.names = reader.texts("names");
  config.threads = reader.number("threads", config.threads, 1, 64);
  config.log = reader.level("log");
  CHECK_OK(reader.finish());
  return config;
}

Result<DoorConfig> parse_door_config(std::string_view text, const std::string& path) {
  TRY(table, parse(text, path));
  Reader reader(table, path);
  DoorConfig config;
  config.home = reader.needed_path("home");
  config.state_folder = reader.needed_path("state");
  config.listen = reader.endpoint("listen", {"127.0.0.1", 6432});
  config.connections = reader.number("connections", config.connections, 1, 100'000);
  config.per_identity = reader.number("per_identity", config.per_identity, 1, 100'000);
  config.log = reader.level("log");
  CHECK_OK(reader.finish());
  return config;
}

Result<ServerConfig> read_server_config(const std::string& path) {
  TRY(text, read_file(path, 1 << 20));
  return parse_server_config(text, path);
}

Result<DoorConfig> read_door_config(const std::string& path) {
  TRY(text, read_file(path, 1 << 20));
  return parse_door_config(text, path);
}

}  // namespace writ::cmd
