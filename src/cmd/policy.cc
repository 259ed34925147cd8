// policy check, policy apply: policies are files; they come into force by a change of two persons.
#include "core/policy.h"

#include <filesystem>

#include "base/file.h"
#include "cmd/client.h"
#include "cmd/proposal.h"
#include "cmd/text.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

constexpr std::size_t kMostPolicyBytes = 1 << 20;

Result<std::vector<core::PolicyFile>> read_policies(const std::vector<std::string>& paths) {
  std::vector<core::PolicyFile> files;
  for (const std::string& path : paths) {
    std::string name = std::filesystem::path(path).filename().string();
    for (const core::PolicyFile& other : files) {
      if (other.name != name) continue;
      return fail(Code::kInvalid, "two files are named " + name + "; names must differ", path);
    }
    TRY(text, read_file(path, kMostPolicyBytes));
    if (!is_utf8(text)) return fail(Code::kInvalid, "this file is not valid UTF-8", path);
    files.push_back({std::move(name), std::move(text)});
  }
  return files;
}

Result<int> check(Context& context, const Args& args) {
  TRY(files, read_policies(args.operands("FILE")));
  CHECK_OK(core::compile_policies(files));
  context.terminal.out(std::to_string(files.size()) +
                       (files.size() == 1 ? " file is" : " files are") + " in order.\n");
  return 0;
}

Result<int> apply(Context& context, const Args& args) {
  TRY(files, read_policies(args.operands("FILE")));
  // What cannot be applied needs no server to say so.
  CHECK_OK(core::compile_policies(files));
  TRY(client, client_for(context));
  TRY(result, client.command("apply_policy", Json::object({{"files", to_json(files)}})));
  return say_done(context, args, result, "Applied:  in force from now on", "");
}

}  // namespace

std::vector<Verb> policy_verbs() {
  const Operand files{"FILE", Count::kMany, Words::kFiles};
  return {
      {.path = "policy check",
       .summary = "check policy files, without a server",
       .operands = {files},
       .examples = {{"writ policy check policies/*.cedar", ""}},
       .heading = "Administering",
       .run = check},
      {.path = "policy apply",
       .summary = "propose these files as the whole policy; a second person approves",
       .operands = {files},
       .options = {json_option()},
       .examples = {{"writ policy apply policies/*.cedar", "all of them: what is not named goes"}},
       .heading = "Administering",
       .run = apply},
  };
}

}  // namespace writ::cmd
