#include "cmd/open_target.h"

#include "base/file.h"
#include "target/postgres/target.h"

namespace writ::cmd {

namespace pg = target::postgres;

Result<std::unique_ptr<core::Target>> open_target(const core::TargetSystem& target, Secret password,
                                                  const std::string& folder) {
  if (target.kind != "postgres") {
    return fail(Code::kInvalid, "this server knows no targets of kind " + target.kind, target.name);
  }
  pg::TargetOptions options;
  options.name = target.name;
  options.endpoint.host = target.host;
  options.endpoint.port = target.port;
  if (target.tls == "disable") {
    options.endpoint.tls = pg::Tls::kOff;
  } else {
    if (target.ca.empty()) {
      return fail(Code::kInvalid,
                  "its certificate authority is not known, so nobody can tell the "
                  "cluster from an impostor; add it with --ca",
                  target.name);
    }
    options.endpoint.tls = target.tls == "require" ? pg::Tls::kVerifyCa : pg::Tls::kVerifyFull;
    CHECK_OK(make_folder(folder, 0700));
    options.endpoint.root_certificate = folder + "/" + target.name + ".pem";
    CHECK_OK(write_file(options.endpoint.root_certificate, target.ca, 0600));
  }
  options.login = target.connector;
  options.password = std::move(password);
  for (const std::string& database : target.databases) {
    if (database != options.main_database) options.databases.push_back(database);
  }
  return pg::open_target(std::move(options));
}

}  // namespace writ::cmd
