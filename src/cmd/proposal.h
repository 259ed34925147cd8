// What an administrative command says when it is done: it happened, or it waits for a second
// person.
#pragma once

#include <string>

#include "cmd/args.h"
#include "cmd/context.h"

namespace writ::cmd {

// `done` and `next` ("writ …", may be empty) when it happened at once; the change and who must
// approve it when not. With --json, the result as it is. Answers 0.
int say_done(Context& context, const Args& args, const Json& result, const std::string& done,
             const std::string& next);

}  // namespace writ::cmd
