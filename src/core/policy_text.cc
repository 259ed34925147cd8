#include "core/policy_text.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "core/names.h"

namespace writ::core {
namespace {

// Of a part, as it stands in the event's JSON: the event's other members and its envelope fit
// beside it.
constexpr std::size_t kMostPart = 60'000;
// A text that is escaped at each byte has fewer.
constexpr std::int64_t kMostParts = 4096;
constexpr std::string_view kApplyPolicy = "apply_policy";
constexpr std::string_view kEntities = ".entities.json", kSchema = ".cedarschema",
                           kScenarios = ".scenarios.json", kInvariants = ".invariants.cedar";

// How many bytes a character takes in canonical JSON.
std::size_t escaped_size(char c) {
  if (c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t') {
    return 2;
  }
  return static_cast<unsigned char>(c) < 0x20 ? 6 : 1;
}

// Never within a character.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0, size = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1, grows = escaped_size(text[i]);
    for (; end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++end) {
      ++grows;
    }
    if (size + grows > kMostPart) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i;
      size = 0;
    }
    size += grows;
    i = end;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::string list_text(const std::vector<PolicyFile>& files, Sha256Hex sha256_hex) {
  std::vector<NamedText> list;
  list.reserve(files.size());
  for (const PolicyFile& file : files) list.push_back({file.name, sha256_hex(file.text)});
  return canonical(to_json(list));
}

std::string megabytes(std::size_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

// Of a list that may not be there.
void add_named(const State& state, const std::string& list, std::set<std::string>& named) {
  const auto texts = policy_list(state, list);
  if (!texts) return;
  named.insert(list);
  for (const NamedText& text : *texts) named.insert(text.hash);
}

}  // namespace

PolicyFileKind kind_of(const PolicyFile& file) {
  if (file.name.ends_with(kEntities)) return PolicyFileKind::kEntities;
  if (file.name.ends_with(kSchema)) return PolicyFileKind::kSchema;
  if (file.name.ends_with(kScenarios)) return PolicyFileKind::kScenarios;
  if (file.name.ends_with(kInvariants)) return PolicyFileKind::kInvariants;
  return PolicyFileKind::kPolicies;
}

bool is_policy_file_name(std::string_view name) {
  for (const std::string_view end : {std::string_view(".cedar"), kEntities, kSchema, kScenarios}) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

Status check_policy_files(const std::vector<PolicyFile>& files) {
  if (files.size() > kMostPolicyFiles) {
    return fail(Code::kInvalid,
                "these are " + std::to_string(files.size()) + " files; a policy set has at most " +
                    std::to_string(kMostPolicyFiles),
                files[kMostPolicyFiles].name.substr(0, 300));
  }
  std::set<std::string_view> names;
  std::size_t bytes = 0;
  for (const PolicyFile& file : files) {
    const std::string where = file.name.substr(0, 300);
    if (auto named = check_text(file.name, where); !named || file.name.size() > 255) {
      return fail(Code::kInvalid, "a file's name has 1 to 255 bytes and no control characters",
                  where);
    }
    if (!names.insert(file.name).second) {
      return fail(Code::kInvalid, "two files have this name", where);
    }
    if (file.text.size() > kMostPolicyFileBytes) {
      return fail(Code::kInvalid,
                  "this file has " + std::to_string(file.text.size()) +
                      " bytes; a policy file has at most " + megabytes(kMostPolicyFileBytes),
                  where);
    }
    if (!is_utf8(file.text)) return fail(Code::kInvalid, "this file is not valid UTF-8", where);
    bytes += file.text.size();
    if (bytes > kMostPolicyBytes) {
      return fail(Code::kInvalid,
                  "with this file the policies have more than " + megabytes(kMostPolicyBytes) +
                      ", which is the most that a policy set has",
                  where);
    }
  }
  return {};
}

std::string policy_hash(const std::vector<PolicyFile>& files, Sha256Hex sha256_hex) {
  return sha256_hex(list_text(files, sha256_hex));
}

RecordedFiles record_files(const State& state, const std::vector<PolicyFile>& files,
                           Sha256Hex sha256_hex) {
  RecordedFiles recorded;
  std::set<std::string> done;
  const auto record = [&](const std::string& text) {
    std::string hash = sha256_hex(text);
    const PolicyText* held = state.policy_texts.find(hash);
    if ((held != nullptr && held->is_whole()) || !done.insert(hash).second) return hash;
    const std::vector<std::string_view> parts = parts_of(text);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      recorded.events.push_back(PolicyTextRecorded{hash, static_cast<std::int64_t>(i),
                                                   static_cast<std::int64_t>(parts.size()),
                                                   std::string(parts[i])});
    }
    recorded.bytes += text.size();
    return hash;
  };
  for (const PolicyFile& file : files) record(file.text);
  recorded.hash = record(list_text(files, sha256_hex));
  return recorded;
}

std::vector<EventData> apply_files(const State& state, const std::vector<PolicyFile>& files,
                                   Sha256Hex sha256_hex) {
  RecordedFiles recorded = record_files(state, files, sha256_hex);
  recorded.events.push_back(PolicyApplied{state.policy_version + 1, recorded.hash,
                                          static_cast<std::int64_t>(files.size())});
  return std::move(recorded.events);
}

Result<std::string> policy_text(const State& state, std::string_view hash) {
  const PolicyText* held = state.policy_texts.find(hash);
  if (held == nullptr || !held->is_whole()) {
    return fail(Code::kNotFound, "there is no policy text with the hash \"" +
                                     std::string(hash.substr(0, 64)) + "\" in force or waiting");
  }
  std::string text;
  for (const auto& part : held->have) text += *part;
  return text;
}

Result<std::vector<NamedText>> policy_list(const State& state, std::string_view hash) {
  TRY(text, policy_text(state, hash));
  TRY(json, parse_json(text, {.bytes = 64 << 20, .depth = 4, .items = 4 * kMostPolicyFiles}));
  return from_json<std::vector<NamedText>>(json);
}

Result<std::vector<PolicyFile>> policy_files(const State& state, std::string_view hash) {
  TRY(list, policy_list(state, hash));
  std::vector<PolicyFile> files;
  files.reserve(list.size());
  for (NamedText& named : list) {
    TRY(text, policy_text(state, named.hash));
    files.push_back({std::move(named.name), std::move(text)});
  }
  return files;
}

bool names_text(const State& state, std::string_view list_hash, std::string_view hash) {
  const bool is_hash = !hash.empty() && std::all_of(hash.begin(), hash.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  const auto list = policy_text(state, list_hash);
  // It is canonical, and within a name the quotes are escaped.
  return is_hash && list && list->find("{\"hash\":\"" + std::string(hash) + "\",") != list->npos;
}

std::string policy_list_of(const Change& change) {
  if (change.verb != kApplyPolicy) return {};
  const Json* hash = change.body.find("hash");
  return hash == nullptr || hash->as_string() == nullptr ? std::string() : *hash->as_string();
}

std::size_t held_policy_bytes(const State& state) {
  std::size_t bytes = 0;
  state.policy_texts.for_each([&](const std::string&, const PolicyText& text) {
    for (const auto& part : text.have) bytes += part->size();
  });
  return bytes;
}

Status add_policy_part(State& state, const PolicyTextRecorded& part) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kCorrupt, "part " + std::to_string(part.part) + " of the policy text \"" +
                                    part.hash + "\" " + std::string(why));
  };
  if (part.hash.empty() || part.part < 0 || part.parts > kMostParts || part.part >= part.parts) {
    return refuse("cannot be");
  }
  const PolicyText* held = state.policy_texts.find(part.hash);
  if (held != nullptr && held->is_whole()) return refuse("is there already");
  // A text that was cut off begins anew.
  PolicyText text;
  if (part.part > 0 && held != nullptr) text = *held;
  if (part.part > 0 &&
      (text.parts != part.parts || static_cast<std::int64_t>(text.have.size()) != part.part)) {
    return refuse("does not come next");
  }
  text.parts = part.parts;
  text.have.push_back(std::make_shared<const std::string>(part.text));
  state.policy_texts.set(part.hash, std::move(text));
  return {};
}

void drop_unnamed_texts(State& state) {
  std::set<std::string> named;
  add_named(state, state.policy_hash, named);
  state.changes.for_each([&](const std::string&, const Change& change) {
    add_named(state, policy_list_of(change), named);
  });
  std::vector<std::string> unnamed;
  state.policy_texts.for_each([&](const std::string& hash, const PolicyText&) {
    if (!named.contains(hash)) unnamed.push_back(hash);
  });
  for (const std::string& hash : unnamed) state.policy_texts.erase(hash);
}

}  // namespace writ::core
