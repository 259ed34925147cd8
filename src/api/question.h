// From a decoded AuthZEN message to a question for core: whose types these are, what its asker may
// say, what it may ask about. Internal to the room.
//
// A door's types are its application's, but for "identity" and "entitlement"; everybody else speaks
// of Writ's own.
#pragma once

#include "api/authzen.h"
#include "api/context.h"

namespace writ::api {

// Member of an evaluation's context: whether the answer says when it changes by itself.
inline constexpr std::string_view kNextChange = "next_change";

// kDenied when the asker may not ask about this subject, kInvalid for a subject that cannot be.
Result<control::Asked> to_asked(const Evaluation& evaluation, const Caller& caller,
                                const core::State& state);
// What is sought is not in it. Who may search is not asked here.
Result<core::Question> to_searched(const Evaluation& evaluation, const Caller& caller,
                                   const core::State& state);
// The question whose permit a search needs: may the asker search this thing, this identity, or (of
// an application) at this door?
core::Question may_search(const core::Search& search, const Caller& caller);

// What each AuthZEN call begins with: who asks, that the body is said to be JSON, and that the
// request's id can be sent back.
Result<Caller> begin_authzen(const Context& context, const net::Request& request,
                             const core::State& state);

}  // namespace writ::api
