// Texts of policies: files, and lists of files. Each is recorded in parts that fit into an entry of
// the journal, and known by the hash of the whole; a version of the policy is a list.
//
// Invariants: a text is recorded before what names it, and in the same batch. State holds the texts
// that the version in force or a pending change names; others leave it with the next change of
// policy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/event.h"
#include "core/state.h"

namespace writ::core {

struct PolicyFile {
  std::string name;
  std::string text;
};
template <class V>
void fields(V& v, PolicyFile& f) {
  v("name", f.name);
  v("text", f.text);
}
// What a file of a policy set holds, by the end of its name.
enum class PolicyFileKind {
  kPolicies,    // Cedar: *.cedar, and any other name
  kEntities,    // *.entities.json: what Writ knows of applications (application.h)
  kSchema,      // *.cedarschema: what applications are made of (application_schema.h)
  kScenarios,   // *.scenarios.json: what the set must decide (scenario.h)
  kInvariants,  // *.invariants.cedar: what must hold of the set, by proof (invariant.h)
};
PolicyFileKind kind_of(const PolicyFile& file);
// Whether the name says by itself that the file belongs to a policy set.
bool is_policy_file_name(std::string_view name);

// How a list names a file.
struct NamedText {
  std::string name;
  std::string hash;  // hex SHA-256 of its text
};
template <class V>
void fields(V& v, NamedText& n) {
  v("name", n.name);
  v("hash", n.hash);
}

// Bounds of a policy set.
constexpr std::size_t kMostPolicyFiles = 10'000;
constexpr std::size_t kMostPolicyFileBytes = 8 << 20;
constexpr std::size_t kMostPolicyBytes = 16 << 20;  // of all texts
// Of texts that State holds: the version in force, and changes that wait.
constexpr std::size_t kMostHeldPolicyBytes = 64 << 20;

// kInvalid past a bound, for two files of one name, or for what is no text: names the file and the
// limit. `where` is the file's name.
Status check_policy_files(const std::vector<PolicyFile>& files);

using Sha256Hex = std::string (*)(std::string_view);

// PolicyApplied::hash: of the list of these files, in their order.
std::string policy_hash(const std::vector<PolicyFile>& files, Sha256Hex sha256_hex);

// What must be recorded before these files can be named: what State does not hold, in parts.
struct RecordedFiles {
  std::string hash;  // of their list
  std::vector<EventData> events;
  std::size_t bytes = 0;  // of the texts in these events
};
RecordedFiles record_files(const State& state, const std::vector<PolicyFile>& files,
                           Sha256Hex sha256_hex);
// The same, and then the next version. For genesis and tests: commands go through `apply_policy`.
std::vector<EventData> apply_files(const State& state, const std::vector<PolicyFile>& files,
                                   Sha256Hex sha256_hex);

// From the hash of a text or a list; kNotFound when State does not hold the whole of it.
Result<std::string> policy_text(const State& state, std::string_view hash);
Result<std::vector<NamedText>> policy_list(const State& state, std::string_view hash);
Result<std::vector<PolicyFile>> policy_files(const State& state, std::string_view hash);
// Whether a list names a text. Cheap enough to be asked for each text of a list.
bool names_text(const State& state, std::string_view list_hash, std::string_view hash);
// The list that a pending change of policy would put in force; empty for other changes.
std::string policy_list_of(const Change& change);
std::size_t held_policy_bytes(const State& state);

// For `fold`: a part joins its text. kCorrupt when it is not the next one.
Status add_policy_part(State& state, const PolicyTextRecorded& part);
// For `fold`: what nothing names leaves State.
void drop_unnamed_texts(State& state);

}  // namespace writ::core
