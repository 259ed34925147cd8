// The blocking client: one socket, poll(2) and deadlines.
#include "net/http_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "net/client_message.h"

namespace writ::net {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using crypto::TlsSession;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Waits until the socket is ready for `events`; false when `until` comes first.
bool wait_ready(int fd, short events, SteadyTime until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left.count()) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

tl::unexpected<Error> unreachable(const Endpoint& endpoint, const std::string& why) {
  return fail(Code::kUnavailable, "connecting to " + to_text(endpoint) + " failed: " + why);
}

Result<Socket> connect_one(const addrinfo& address, SteadyTime until) {
  Socket socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return fail(Code::kUnavailable, std::strerror(errno));
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS) return fail(Code::kUnavailable, std::strerror(errno));
  if (!wait_ready(socket.get(), POLLOUT, until)) {
    return fail(Code::kUnavailable, "no answer in time");
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail(Code::kUnavailable, std::strerror(error));
  return socket;
}

Result<Socket> connect_any(const Endpoint& endpoint, SteadyTime until) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (error != 0) return unreachable(endpoint, ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype([](addrinfo* list) { ::freeaddrinfo(list); })> list(
      found);
  std::string why = "the name has no address";
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    auto socket = connect_one(*address, until);
    if (socket) return socket;
    why = socket.error().message;
  }
  return unreachable(endpoint, why);
}

}  // namespace

struct HttpClient::State {
  struct Open {
    Socket socket;
    TlsSession session;
  };

  State(Endpoint e, std::shared_ptr<TlsClient> t, ClientLimits l)
      : endpoint(std::move(e)), tls(std::move(t)), limits(l) {}

  // Until `step` says kDone; its error, or one about time.
  template <class Step>
  Status carry_out(Step step, SteadyTime until, std::string_view doing) {
    for (;;) {
      const TlsSession::Outcome outcome = step();
      if (outcome == TlsSession::Outcome::kDone) return {};
      if (outcome == TlsSession::Outcome::kClosed) {
        return fail(Code::kUnavailable, std::string(doing) + ": the server closed the connection");
      }
      if (outcome == TlsSession::Outcome::kFailed) {
        const Error& error = open->session.failure();
        return fail(error.code, std::string(doing) + ": " + error.message);
      }
      const short events = outcome == TlsSession::Outcome::kWantRead ? POLLIN : POLLOUT;
      if (!wait_ready(open->socket.get(), events, until)) {
        return fail(Code::kUnavailable, std::string(doing) + ": the server did not answer in time");
      }
    }
  }

  // An idle connection on which something arrives has been closed, or is out of step.
  bool is_stale() const {
    pollfd entry{open->socket.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) != 0 || open->session.has_buffered();
  }

  Status ensure_open() {
    if (open && !is_stale()) return {};
    open.reset();
    input.clear();
    reader.emplace(MessageKind::kReply, kReplyHead);
    const SteadyTime until = std::chrono::steady_clock::now() + limits.connect_time;
    TRY(socket, connect_any(endpoint, until));
    TlsSession session(tls->current(), socket.get(), TlsSession::Role::kClient);
    session.offer_server_name(endpoint.host);
    open.emplace(Open{std::move(socket), std::move(session)});
    return carry_out([this] { return open->session.handshake(); }, until,
                     "connecting to " + to_text(endpoint));
  }

  Result<Reply> exchange(const std::string& request) {
    const SteadyTime until = std::chrono::steady_clock::now() + limits.reply_time;
    const std::string doing = "asking " + to_text(endpoint);
    std::size_t sent = 0;
    // A server that refuses early may answer and stop reading; its answer says more than ours.
    Status wrote;
    while (wrote && sent < request.size()) {
      wrote = carry_out(
          [&] {
            const auto moved = open->session.write(request.data() + sent, request.size() - sent);
            sent += moved.bytes;
            return moved.outcome;
          },
          until, doing);
    }
    for (;;) {
      const MessageReader::Found found = reader->feed(input);
      if (found == MessageReader::Found::kBad) {
        return fail(Code::kInvalid, doing + ": " + reader->bad_message());
      }
      if (found == MessageReader::Found::kHead) {
        reader->limit_body(limits.reply_body);
        continue;
      }
      if (found == MessageReader::Found::kMessage) {
        if (reader->status() >= 200) break;
        reader->next(input);  // 100 Continue and the like
        continue;
      }
      char bytes[16 * 1024];
      std::size_t size = 0;
      const Status got = carry_out(
          [&] {
            const auto moved = open->session.read(bytes, sizeof bytes);
            size = moved.bytes;
            return moved.outcome;
          },
          until, doing);
      if (!got) return fail(wrote ? got : wrote);
      input.append(bytes, size);
    }
    Reply reply = take_reply(*reader, input);
    const bool again = wrote && reader->keep_alive();
    reader->next(input);
    if (!again) open.reset();
    return reply;
  }

  const Endpoint endpoint;
  const std::shared_ptr<TlsClient> tls;
  const ClientLimits limits;
  std::optional<Open> open;
  std::string input;
  std::optional<MessageReader> reader;
};

HttpClient::HttpClient(Endpoint endpoint, std::shared_ptr<TlsClient> tls, ClientLimits limits)
    : state_(std::make_unique<State>(std::move(endpoint), std::move(tls), limits)) {}
HttpClient::~HttpClient() {
  if (state_->open) state_->open->session.close_notify();
}

Result<Reply> HttpClient::call(std::string_view method, std::string_view target,
                               std::string_view body, const std::vector<Header>& headers) {
  CHECK_OK(check_request(method, target, headers));
  if (const Status ready = state_->ensure_open(); !ready) {
    state_->open.reset();
    return fail(ready);
  }
  state_->reader->reply_to(method);
  std::string request;
  append_request(request, state_->endpoint, method, target, body, headers);
  auto reply = state_->exchange(request);
  if (!reply) state_->open.reset();
  return reply;
}

std::shared_ptr<const crypto::Certificate> HttpClient::server() const {
  return state_->open ? state_->open->session.peer() : nullptr;
}

}  // namespace writ::net
