// policy check, policy apply: policies are files; they come into force by a change of two persons.
#include "core/policy.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "cmd/client.h"
#include "cmd/policy_files.h"
#include "cmd/proposal.h"
#include "cmd/text.h"
#include "cmd/verbs.h"
#include "core/writ_schema.h"

namespace writ::cmd {
namespace {

// A folder stands for its policies and entities, by name; not for those in folders below.
Result<std::vector<std::string>> files_at(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> paths;
  for (std::filesystem::directory_iterator at(path, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if ((name.ends_with(".cedar") || name.ends_with(core::kEntitiesFile)) &&
        at->is_regular_file(error)) {
      paths.push_back(at->path().string());
    }
  }
  if (error)
    return fail(Code::kUnavailable, "this folder cannot be read: " + error.message(), path);
  if (paths.empty())
    return fail(Code::kNotFound, "there are no *.cedar files in this folder", path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

Result<std::vector<core::PolicyFile>> read_policies(const std::vector<std::string>& operands) {
  std::vector<core::PolicyFile> files;
  std::map<std::string, std::string> known;  // name → path
  std::size_t bytes = 0;
  for (const std::string& operand : operands) {
    TRY(paths, files_at(operand));
    for (const std::string& path : paths) {
      std::string name = std::filesystem::path(path).filename().string();
      if (const auto [other, is_new] = known.emplace(name, path); !is_new) {
        return fail(Code::kInvalid, "two files are named " + name + "; names must differ", path);
      }
      TRY(text, read_file(path, core::kMostPolicyBytes));
      bytes += text.size();
      files.push_back({std::move(name), std::move(text)});
      if (bytes > core::kMostPolicyBytes || files.size() > core::kMostPolicyFiles) break;
    }
  }
  if (const Status good = core::check_policy_files(files); !good) {
    Error error = good.error();
    if (const auto path = known.find(error.where); path != known.end()) error.where = path->second;
    return tl::unexpected<Error>(std::move(error));
  }
  return files;
}

namespace {

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

Result<int> schema(Context& context, const Args&) {
  context.terminal.out(std::string(core::writ_schema_text()));
  return 0;
}

constexpr std::string_view kBounds =
    "FILE is a file, or a folder, which stands for its *.cedar files. A policy set has at most "
    "10,000 files, 8 MiB a file, and 16 MiB in all.";

}  // namespace

std::vector<Verb> policy_verbs() {
  const Operand files{"FILE", Count::kMany, Words::kFiles};
  return {
      {.path = "policy check",
       .summary = "check policy files, without a server",
       .operands = {files},
       .examples = {{"writ policy check policies", "the *.cedar files of a folder"}},
       .heading = "Administering",
       .run = check,
       .more = kBounds},
      {.path = "policy schema",
       .summary = "print what policies may speak of, as a Cedar schema",
       .examples = {{"writ policy schema > writ.cedarschema", "for an editor, or another tool"}},
       .heading = "Administering",
       .run = schema},
      {.path = "policy apply",
       .summary = "propose these files as the whole policy; a second person approves",
       .operands = {files},
       .options = {json_option()},
       .examples = {{"writ policy apply policies", "all of them: what is not named goes"}},
       .heading = "Administering",
       .run = apply,
       .more = kBounds},
  };
}

}  // namespace writ::cmd
