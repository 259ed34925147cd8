#include "door/postgres/cancels.h"

#include "base/log.h"
#include "door/postgres/stream.h"
#include "net/asio.h"

namespace writ::door::postgres {
namespace {

constexpr Millis kTime{5'000};
constexpr std::size_t kMostWaiting = 10'000;

}  // namespace

// One request on its way: connect, SSLRequest, TLS, CancelRequest, wait for the end.
struct Cancels::Sending : std::enable_shared_from_this<Cancels::Sending> {
  using Io = Stream::Io;
  std::shared_ptr<Cancels*> owner;
  Waiting what;
  std::unique_ptr<Stream> stream;
  Timers::Token timer = 0;
  bool asked = false;      // SSLRequest sent
  bool encrypted = false;  // handshake done, request sent
  bool ended = false;

  void end() {
    if (std::exchange(ended, true)) return;
    if (stream) stream->close();
    Cancels* cancels = *owner;
    if (cancels == nullptr) return;
    cancels->timers_.drop(timer);
    std::erase(cancels->running_, shared_from_this());
    cancels->next();
  }
  void wait_readable() {
    stream->when_readable([self = shared_from_this()] { self->step(); });
  }
  void wait_writable() {
    stream->when_writable([self = shared_from_this()] { self->step(); });
  }
  void step() {
    if (ended) return;
    if (!asked) {
      asked = true;
      if (stream->write_clear(ssl_request()) != Io::kDone) return end();
    }
    if (!stream->has_tls()) {
      char answer = 0;
      const Stream::Count read = stream->read_clear(&answer, 1);
      if (read.io == Io::kWantRead) return wait_readable();
      if (read.io != Io::kDone || answer != 'S') return end();
      stream->start_tls(what.target->tls);
    }
    if (!encrypted) {
      switch (stream->tls().handshake()) {
        case Io::kDone:
          break;
        case Io::kWantRead:
          return wait_readable();
        case Io::kWantWrite:
          return wait_writable();
        default:
          return end();
      }
      encrypted = true;
      if (stream->tls().write(cancel_request(what.key)) == Io::kFailed) return end();
    }
    char ignored[64];
    if (stream->tls().read(ignored, sizeof ignored).io == Io::kWantRead) return wait_readable();
    end();
  }
};

Cancels::Cancels(boost::asio::io_context& io, Timers& timers, const Clock& clock, unsigned at_once)
    : io_(io),
      timers_(timers),
      clock_(clock),
      at_once_(at_once),
      self_(std::make_shared<Cancels*>(this)) {}

Cancels::~Cancels() {
  *self_ = nullptr;
  // A request and the stream that it waits for hold each other until it ends.
  for (const auto& sending : running_) sending->end();
}

void Cancels::send(std::shared_ptr<const KnownTarget> target, CancelKey key) {
  if (waiting_.size() >= kMostWaiting) {
    log(Level::kWarn, "door_cancel_dropped", {{"target", target->address.target}});
    return;
  }
  waiting_.push_back({std::move(target), std::move(key)});
  next();
}

void Cancels::next() {
  while (running_.size() < at_once_ && !waiting_.empty()) {
    auto sending = std::make_shared<Sending>();
    sending->owner = self_;
    sending->what = std::move(waiting_.front());
    waiting_.pop_front();
    running_.push_back(sending);
    sending->timer = timers_.set(clock_.steady() + kTime, [sending] { sending->end(); });
    const TargetAddress& address = sending->what.target->address;
    Stream::connect(io_, address.host, address.port,
                    [sending](Result<std::unique_ptr<Stream>> stream) {
                      if (sending->ended) return;
                      if (!stream) return sending->end();
                      sending->stream = std::move(*stream);
                      sending->step();
                    });
  }
}

}  // namespace writ::door::postgres
