// The rows of views, by kind. Internal to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/views.h"

namespace writ::core {

// Where rows are made: what is there, and who looks.
struct Viewer {
  const State& state;
  const Sealer& sealer;
  std::string_view asker;
  Scope scope;
  Time now;

  // For people; an unknown id stands for itself.
  std::string name(std::string_view identity) const;
  // "identity:idn_…" by name; "group:NAME" as it is.
  std::string owner(std::string_view owner) const;
  // True when the asker is, or answers for, the identity, or sees everything.
  bool concerns(std::string_view identity) const;
  // True when the asker stands behind the owner, or sees everything.
  bool owned(std::string_view owner) const;
};

// RFC 3339, or nothing.
std::string text_of(const std::optional<Time>& time);

void holding_rows(const Viewer& viewer, JsonArray& rows);
void identity_rows(const Viewer& viewer, JsonArray& rows);
void group_rows(const Viewer& viewer, JsonArray& rows);
void device_rows(const Viewer& viewer, JsonArray& rows);
void finding_rows(const Viewer& viewer, JsonArray& rows);
void target_rows(const Viewer& viewer, JsonArray& rows);
void door_rows(const Viewer& viewer, JsonArray& rows);
void policy_rows(const Viewer& viewer, JsonArray& rows);

}  // namespace writ::core
