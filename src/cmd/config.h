// Configuration files of the long-running programs: TOML, read strictly. Paths in a file are
// relative to the file's folder.
//
// A server's:
//   data    = "data"             # folder of journal and decision log; needed
//   kek     = "keys/kek"         # key-encryption key, better on another disk; needed
//   listen  = "127.0.0.1:8443"   # this is the default
//   names   = ["writ.example.org", "10.0.0.5"]  # under which clients reach it; default: of listen
//   threads = 2                  # that answer; 1 to 64
//   log     = "info"             # debug, info, warn, error
//
// A door's:
//   home    = "home"             # where it was enrolled: WRIT_HOME=home writ enroll; needed
//   listen  = "127.0.0.1:6432"   # this is the default
//   state   = "state"            # its spool and remembered checkpoints; needed
//   connections  = 5000
//   per_identity = 500
//   log     = "info"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "net/http_client.h"

namespace writ::cmd {

struct ServerConfig {
  std::string data_folder;
  std::string kek_file;
  net::Endpoint listen{"127.0.0.1", 8443};
  std::vector<std::string> names;
  unsigned threads = 2;
  Level log = Level::kInfo;
};

struct DoorConfig {
  std::string home;
  net::Endpoint listen;
  std::string state_folder;
  unsigned connections = 5'000;
  unsigned per_identity = 500;
  Level log = Level::kInfo;
};

// Errors are kInvalid with file:line:column: what does not parse, keys that do not exist (with the
// nearest that does), wrong types, values out of range. `path` stands in errors and places paths.
Result<ServerConfig> parse_server_config(std::string_view text, const std::string& path);
Result<DoorConfig> parse_door_config(std::string_view text, const std::string& path);

Result<ServerConfig> read_server_config(const std::string& path);
Result<DoorConfig> read_door_config(const std::string& path);

}  // namespace writ::cmd
