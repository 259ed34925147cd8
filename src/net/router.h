// Which route a request takes: "/a/{name}/b", segment by segment. No wildcards, no rewriting: paths
// match as they are sent, and parameters are decoded after the path was split. HEAD takes the route
// of GET (RFC 9110 section 9.3.2), and has none of its own.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"

namespace writ::net {

class Router {
 public:
  // `pattern` as HttpServer::route says; `route` is the caller's number for it. kInvalid for a
  // malformed pattern, and for HEAD; kExists for one that is taken for this method.
  Status add(std::string_view method, std::string_view pattern, std::size_t route);

  struct Match {
    int status = 404;       // 200, 404, 405, or 400 for a badly encoded parameter
    std::size_t route = 0;  // when 200
    std::vector<std::pair<std::string_view, std::string>> params;  // names live in the router
    std::string allow;                                             // when 405: "GET, HEAD, POST"
  };
  Match match(std::string_view method, std::string_view path) const;

 private:
  struct Place {
    std::vector<std::string> segments;  // parameters without their braces
    std::vector<bool> is_param;
    std::vector<std::pair<std::string, std::size_t>> methods;  // method, route
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  static Match choose(const Place& place, std::string_view method);

  std::vector<Place> patterns_;  // with parameters; the more exact ones first
  std::unordered_map<std::string, Place, Hash, std::equal_to<>> exact_;
};

}  // namespace writ::net
