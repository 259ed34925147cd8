// Takes HTTP/1.1 messages (RFC 9112) out of a growing byte string, one after the other. Pure: no
// I/O. Beast reads the head; bodies of known length are not copied.
//
// Stricter than the RFC where it is lax: no folded header lines, no targets but in origin form and
// in absolute form with https, at most 64 headers, exactly one Host.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace writ::net {

enum class MessageKind { kRequest, kReply };

class MessageReader {
 public:
  enum class Found {
    kMore,     // the message goes on past the input
    kHead,     // the head is there: look at it, call limit_body, feed again
    kMessage,  // all of it is there, until `next`
    kBad,      // see bad_status and bad_message; the input cannot be used further
  };

  MessageReader(MessageKind kind, std::size_t head_limit);
  ~MessageReader();
  MessageReader(MessageReader&&) noexcept;

  // Of replies, before `feed`: the method that was asked with. A reply to HEAD has no body,
  // whatever its headers say.
  void reply_to(std::string_view method);

  // `input` holds all bytes since the last `next`, and only grows between calls but for what feed
  // itself removes. What the accessors return points into it and is valid until it changes.
  Found feed(std::string& input);
  // The most bytes of body to take; to be called after kHead.
  void limit_body(std::size_t most);
  // Removes the message from `input` and begins anew.
  void next(std::string& input);

  // After kHead.
  std::string_view method(const std::string& input) const;  // of a request
  // Of a request: path and query, whichever form the target has. In absolute form there may be no
  // path.
  std::string_view target(const std::string& input) const;
  int status() const;  // of a reply
  void headers(const std::string& input,
               std::vector<std::pair<std::string_view, std::string_view>>& into) const;
  bool keep_alive() const;
  bool wants_continue() const;  // Expect: 100-continue, and a body follows
  // The one protocol that "Connection: upgrade" and "Upgrade" ask for; empty when they do not.
  std::string_view upgrade(const std::string& input) const;

  // After kMessage.
  std::string_view body(const std::string& input) const;

  // After kBad: the status to answer a request with.
  int bad_status() const;
  const std::string& bad_message() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace writ::net
