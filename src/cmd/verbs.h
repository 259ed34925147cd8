// All commands, one function for each family, in the order in which the overview shows them.
#pragma once

#include <string>
#include <vector>

#include "cmd/args.h"
#include "cmd/context.h"

namespace writ::cmd {

inline constexpr std::string_view kVersion = "0.1.0";

std::vector<Verb> list_verbs();      // whoami, list, explain
std::vector<Verb> access_verbs();    // request, withdraw, revoke
std::vector<Verb> connect_verbs();   // connect, run
std::vector<Verb> approve_verbs();   // approve, deny
std::vector<Verb> finding_verbs();   // remedy
std::vector<Verb> evidence_verbs();  // evidence show, verify, prove, check
std::vector<Verb> device_verbs();    // enroll, login, device …, certificate revoke
std::vector<Verb> identity_verbs();  // identity …, group …
std::vector<Verb> target_verbs();    // target …, door add
std::vector<Verb> remove_verbs();    // target, resource, entitlement, door remove
std::vector<Verb> policy_verbs();    // policy check, policy apply
std::vector<Verb> prove_verbs();     // policy prove, policy diff
std::vector<Verb> cedar_verbs();     // cedar …
std::vector<Verb> server_verbs();    // init, server
std::vector<Verb> door_verbs();      // door postgres
std::vector<Verb> shell_verbs();     // completion, version, help

const std::vector<Verb>& verbs();

// The program: one call of `writ` with these words. Answers the exit status.
int run(Context& context, const std::vector<std::string>& words);

// What `writ __complete` prints: the words that may stand in the place of the last of `words`, one
// a line, with what each is after a tab; ":files" when a file may.
std::vector<std::string> completions(Context& context, const std::vector<std::string>& words);
// The script that a shell reads. kInvalid for another shell than bash, zsh and fish.
Result<std::string> completion_script(std::string_view shell);

std::string overview(const std::vector<Verb>& all, const TableStyle& style);
std::string help_of(const Verb& verb, const TableStyle& style);

// "--json" as most verbs have it.
inline Option json_option() {
  return {"--json", "", "print one JSON value, for programs"};
}
void print_json(Context& context, const Json& json);

// An error of a command's body, with the option in whose place it is: {{"/duration_ms", "--for"}}.
Error placed(Error error, const std::vector<std::pair<std::string, std::string>>& places);

}  // namespace writ::cmd
