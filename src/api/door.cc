// GET /v1/door/stream: the line stream of a door (docs/door-protocol.md).
#include "api/context.h"

namespace writ::api {

void add_door_routes(net::HttpServer& server, const Context& context) {
  server.stream("/v1/door/stream", [&context](const net::Request& request, net::StreamOffer offer) {
    const auto state = context.plane.states().get();
    auto caller = authenticate(context, request, *state);
    if (!caller) return offer.refuse(caller.error());
    if (caller->kind != core::IdentityKind::kDoor ||
        !state->doors.contains(caller->actor.identity)) {
      return offer.refuse({Code::kDenied, "only doors that were added may open this stream", {}});
    }
    control::DoorHub& hub = context.plane.doors();
    const std::string door = caller->actor.identity;
    net::LineHandlers handlers;
    handlers.on_line = [&hub, door](net::LineStream& stream, std::string_view line) {
      hub.heard(door, stream, line);
    };
    handlers.on_close = [&hub, door](net::LineStream& stream, const Error&) {
      hub.closed(door, stream);
    };
    if (auto stream = offer.accept(std::move(handlers))) hub.opened(door, std::move(stream));
  });
}

}  // namespace writ::api
