#include "core/names.h"

#include <algorithm>

#include "base/bytes.h"

namespace writ::core {
namespace {

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

Status check_characters(std::string_view name, std::string_view more, std::size_t most,
                        std::string_view pointer) {
  const bool good = !name.empty() && name.size() <= most && is_lower_or_digit(name.front()) &&
                    std::all_of(name.begin(), name.end(), [&](char c) {
                      return is_lower_or_digit(c) || more.find(c) != std::string_view::npos;
                    });
  if (good) return {};
  std::string wanted;
  for (char c : more) wanted += std::string(" ") + c;
  return fail(Code::kInvalid,
              "a name is 1 to " + std::to_string(most) + " of a-z 0-9" + wanted +
                  ", and begins with a letter or digit",
              std::string(pointer));
}

// Ids look like "idn_" and 16 characters; a name must not pass for one.
bool looks_like_id(std::string_view name) {
  return name.size() == 20 && name[3] == '_' &&
         std::all_of(name.begin(), name.begin() + 3, [](char c) { return c >= 'a' && c <= 'z'; });
}

// Names that near ones are looked for among; more than this many are not searched.
constexpr std::size_t kMostSearched = 2000;

std::vector<std::string> identity_names(const Call& call) {
  std::vector<std::string> names;
  if (call.state.identities.size() > kMostSearched) return names;
  call.state.identities.for_each([&](const std::string& id, const Identity& identity) {
    if (identity.state != IdentityState::kOffboarded) {
      names.push_back(display_name(call.state, call.sealer(), id));
    }
  });
  return names;
}

}  // namespace

Status check_identity_name(std::string_view name, std::string_view pointer) {
  CHECK_OK(check_characters(name, "._-@+", 64, pointer));
  if (looks_like_id(name) || name == "server") {
    return fail(Code::kInvalid, "this name would look like one of Writ's own ids",
                std::string(pointer));
  }
  return {};
}

Status check_simple_name(std::string_view name, std::string_view pointer) {
  return check_characters(name, "_-", 63, pointer);
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

Status check_text(std::string_view text, std::string_view pointer) {
  if (trimmed(text).empty()) {
    return fail(Code::kInvalid, "say why in a few words", std::string(pointer));
  }
  if (text.size() > kMostText) {
    return fail(Code::kInvalid, "this is longer than " + std::to_string(kMostText) + " bytes",
                std::string(pointer));
  }
  // Control characters, DEL, and the two-byte C1 controls: they could forge a line on a terminal.
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 =
        c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c < 0x20 || c == 0x7f || c1) {
      return fail(Code::kInvalid, "control characters cannot stand here", std::string(pointer));
    }
  }
  return {};
}

std::string did_you_mean(std::string_view wanted, const std::vector<std::string>& known) {
  if (wanted.size() > 200) return {};
  std::vector<std::pair<std::size_t, std::string_view>> near;
  const std::size_t most = std::max<std::size_t>(2, wanted.size() / 3);
  for (const std::string& name : known) {
    const std::size_t distance = edit_distance(wanted, name);
    const bool inside = wanted.size() >= 3 && name.find(wanted) != std::string::npos;
    if (distance <= most || inside) near.emplace_back(distance, name);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > 3) near.resize(3);
  if (near.empty()) return {};
  std::string text = " Did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (i > 0) text += i + 1 == near.size() ? " or " : ", ";
    text += near[i].second;
  }
  return text + "?";
}

Result<const Identity*> identity_named(const Call& call, std::string_view name,
                                       std::string_view pointer) {
  if (const Identity* found = find_identity(call.state, call.sealer(), name)) return found;
  return fail(Code::kNotFound,
              "there is no identity \"" + std::string(name.substr(0, 200)) + "\"." +
                  did_you_mean(name, identity_names(call)),
              std::string(pointer));
}

Result<const Group*> group_named(const Call& call, std::string_view name,
                                 std::string_view pointer) {
  if (const Group* found = call.state.groups.find(std::string(name))) return found;
  return fail(Code::kNotFound,
              "there is no group \"" + std::string(name.substr(0, 200)) + "\"." +
                  did_you_mean(name, names_in(call.state.groups)),
              std::string(pointer));
}

Result<const TargetSystem*> target_named(const Call& call, std::string_view name,
                                         std::string_view pointer) {
  if (const TargetSystem* found = call.state.targets.find(std::string(name))) return found;
  return fail(Code::kNotFound,
              "there is no target \"" + std::string(name.substr(0, 200)) + "\"." +
                  did_you_mean(name, names_in(call.state.targets)),
              std::string(pointer));
}

Result<std::string> owner_named(const Call& call, std::string_view owner,
                                std::string_view pointer) {
  constexpr std::string_view kGroup = "group:", kIdentity = "identity:";
  const bool says_group = owner.starts_with(kGroup);
  const bool says_identity = owner.starts_with(kIdentity);
  if (says_group) owner.remove_prefix(kGroup.size());
  if (says_identity) owner.remove_prefix(kIdentity.size());
  const Identity* identity = says_group ? nullptr : find_identity(call.state, call.sealer(), owner);
  const bool is_group = !says_identity && call.state.groups.find(std::string(owner)) != nullptr;
  if (identity != nullptr && is_group) {
    return fail(Code::kInvalid,
                "\"" + std::string(owner) + "\" is an identity and a group; say identity:" +
                    std::string(owner) + " or group:" + std::string(owner),
                std::string(pointer));
  }
  if (is_group) return std::string(kGroup) + std::string(owner);
  if (identity == nullptr) {
    if (says_group) return fail(group_named(call, owner, pointer));
    return fail(identity_named(call, owner, pointer));
  }
  if (!is_person(identity->kind) || identity->state != IdentityState::kActive) {
    return fail(Code::kInvalid, "an owner is an active person or a group", std::string(pointer));
  }
  return std::string(kIdentity) + identity->id;
}

}  // namespace writ::core
