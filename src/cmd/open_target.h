// From what the journal says of a target to a connection with it.
#pragma once

#include <memory>
#include <string>

#include "base/secret.h"
#include "core/domain.h"
#include "core/target.h"

namespace writ::cmd {

// `folder` is private to the server; certificate authorities of targets are put there as files,
// because libpq reads them so.
Result<std::unique_ptr<core::Target>> open_target(const core::TargetSystem& target, Secret password,
                                                  const std::string& folder);

}  // namespace writ::cmd
