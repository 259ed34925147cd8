// What all clients write and read. For the .cc files of this room alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"
#include "net/message_reader.h"

namespace writ::net {

inline constexpr std::size_t kReplyHead = 64 * 1024;

// kInvalid when method, target or a header could not be told from the rest of the request.
Status check_request(std::string_view method, std::string_view target,
                     const std::vector<Header>& headers);
// Request line, Host, Content-Length, headers and body.
void append_request(std::string& out, const Endpoint& endpoint, std::string_view method,
                    std::string_view target, std::string_view body,
                    const std::vector<Header>& headers);
// After kMessage.
Reply take_reply(const MessageReader& reader, const std::string& input);

}  // namespace writ::net
