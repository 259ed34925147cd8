#include "net/router.h"

#include <algorithm>

#include "net/http.h"

namespace writ::net {
namespace {

// "/a/b" → {"a", "b"}; "/" → {""}.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

Status Router::add(std::string_view method, std::string_view pattern, std::size_t route) {
  const auto malformed = [&] {
    return fail(Code::kInvalid, "the route pattern \"" + std::string(pattern) + "\" is malformed");
  };
  if (!pattern.starts_with('/') || method.empty()) return malformed();
  if (method == "HEAD") return fail(Code::kInvalid, "HEAD takes the route of GET");
  Place place;
  bool has_params = false;
  for (const std::string_view segment : split(pattern)) {
    const bool is_param = segment.starts_with('{') && segment.ends_with('}');
    const std::string_view text = is_param ? segment.substr(1, segment.size() - 2) : segment;
    if (is_param ? !is_name(text) : text.find_first_of("{}%") != std::string_view::npos) {
      return malformed();
    }
    if (text.empty() && pattern != "/") return malformed();
    place.segments.emplace_back(text);
    place.is_param.push_back(is_param);
    has_params = has_params || is_param;
  }

  Place* home = nullptr;
  if (!has_params) {
    home = &exact_.try_emplace(std::string(pattern), std::move(place)).first->second;
  } else {
    const auto same = std::find_if(patterns_.begin(), patterns_.end(), [&](const Place& other) {
      return other.segments == place.segments && other.is_param == place.is_param;
    });
    if (same != patterns_.end()) {
      home = &*same;
    } else {
      // False before true: where two patterns match, the first differing exact segment decides.
      const auto at =
          std::upper_bound(patterns_.begin(), patterns_.end(), place,
                           [](const Place& a, const Place& b) { return a.is_param < b.is_param; });
      home = &*patterns_.insert(at, std::move(place));
    }
  }
  for (const auto& [taken, number] : home->methods) {
    if (taken == method) {
      return fail(Code::kExists, "there is a route " + taken + " " + std::string(pattern));
    }
  }
  home->methods.emplace_back(method, route);
  return {};
}

Router::Match Router::choose(const Place& place, std::string_view method) {
  Match match;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const auto& [name, route] : place.methods) {
    if (name == wanted) {
      match.status = 200;
      match.route = route;
      return match;
    }
  }
  match.status = 405;
  for (const auto& [name, route] : place.methods) {
    match.allow += (match.allow.empty() ? "" : ", ") + name;
    if (name == "GET") match.allow += ", HEAD";
  }
  return match;
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  if (const auto exact = exact_.find(path); exact != exact_.end()) {
    return choose(exact->second, method);
  }
  if (patterns_.empty() || !path.starts_with('/')) return {};
  const std::vector<std::string_view> segments = split(path);
  for (const Place& place : patterns_) {
    if (place.segments.size() != segments.size()) continue;
    bool fits = true;
    for (std::size_t i = 0; fits && i < segments.size(); ++i) {
      fits = place.is_param[i] ? !segments[i].empty() : segments[i] == place.segments[i];
    }
    if (!fits) continue;
    Match match = choose(place, method);
    for (std::size_t i = 0; match.status == 200 && i < segments.size(); ++i) {
      if (!place.is_param[i]) continue;
      auto value = percent_decode(segments[i]);
      if (!value) {
        match.status = 400;
      } else {
        match.params.emplace_back(place.segments[i], std::move(*value));
      }
    }
    return match;
  }
  return {};
}

}  // namespace writ::net
