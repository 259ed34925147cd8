#include <algorithm>
#include <boost/asio/post.hpp>

#include "net/client_message.h"
#include "net/client_pipe.h"
#include "net/line_end.h"

namespace writ::net {
namespace {

// One try: dials, asks for the upgrade, then carries the lines.
class LinePipe final : public ClientPipe {
 public:
  // on_open takes the stream that was made; on_end follows exactly once unless abandoned.
  struct Events {
    std::function<void(const std::shared_ptr<LineStream>&)> on_open;
    std::function<void(LineStream&, std::string_view)> on_line;
    std::function<void(const Error&)> on_end;
  };

  LinePipe(asio::io_context& io, Endpoint endpoint, std::string target, LineClientOptions options,
           Events events)
      : ClientPipe(io),
        io_(io),
        endpoint_(std::move(endpoint)),
        target_(std::move(target)),
        options_(options),
        events_(std::move(events)) {}

  // No event follows.
  void abandon() {
    events_ = {};
    break_off({Code::kUnavailable, "the line client was closed", {}});
  }

 private:
  void on_secured() override {
    set_deadline(options_.limits.reply_time, "the server did not answer in time");
    append_request(output(), endpoint_, "GET", target_, {},
                   {{"Connection", "Upgrade"}, {"Upgrade", std::string(kLineProtocol)}});
    flush();
    if (!is_dead()) read_more();
  }

  void on_input() override {
    if (line_) {
      const auto line = line_;
      return line->on_input();
    }
    switch (reader_.feed(input())) {
      case MessageReader::Found::kMore:
        return read_more();
      case MessageReader::Found::kHead:
        reader_.limit_body(kReplyHead);
        return on_input();
      case MessageReader::Found::kMessage:
        return answered();
      case MessageReader::Found::kBad:
        return break_off({Code::kInvalid, reader_.bad_message(), {}});
    }
  }

  void answered() {
    if (reader_.status() != 101) {
      const Reply reply = take_reply(reader_, input());
      return break_off(error_of(reply));
    }
    if (reader_.upgrade(input()) != kLineProtocol) {
      return break_off({Code::kInvalid, "the server speaks another protocol than was asked", {}});
    }
    reader_.next(input());
    LineHandlers handlers;
    handlers.on_line = events_.on_line;
    line_ = std::make_shared<LineEnd>(io_, nullptr, options_.lines, std::move(handlers));
    const auto line = line_;
    line->attach(shared_from_this());
    if (is_dead()) return;
    const Millis period = std::min(options_.lines.heartbeat, options_.lines.dead) / 4;
    tick_every(std::max(period, Millis(1)), [weak = std::weak_ptr(line)] {
      if (const auto open = weak.lock()) open->tick(steady_now());
    });
    if (events_.on_open) {
      const auto on_open = events_.on_open;  // it may abandon this pipe
      on_open(line);
    }
    if (!is_dead()) line->on_input();
  }

  void on_drained() override {
    if (line_) line_->on_drained();
  }

  void on_broken(const Error& why) override {
    release();
    if (line_) std::exchange(line_, nullptr)->on_broken(why);
    const Events events = std::move(events_);
    events_ = {};
    if (events.on_end) events.on_end(why);
  }

  asio::io_context& io_;
  const Endpoint endpoint_;
  const std::string target_;
  const LineClientOptions options_;
  Events events_;
  MessageReader reader_{MessageKind::kReply, kReplyHead};
  std::shared_ptr<LineEnd> line_;
};

}  // namespace

struct LineClient::State : std::enable_shared_from_this<LineClient::State> {
  State(asio::io_context& i, Endpoint e, std::shared_ptr<TlsClient> t, std::string g,
        LineClientHandlers h, Random& r, LineClientOptions o)
      : io(i),
        endpoint(std::move(e)),
        tls(std::move(t)),
        target(std::move(g)),
        handlers(std::move(h)),
        random(r),
        options(o),
        pause(options.first_pause),
        timer(io) {}

  void try_once() {
    if (closed) return;
    LinePipe::Events events;
    // Handlers are called through copies of this pointer, so that they may destroy the client.
    events.on_open = [weak = weak_from_this()](const std::shared_ptr<LineStream>& line) {
      const auto self = weak.lock();
      if (!self || self->closed) return;
      self->pause = self->options.first_pause;
      if (self->handlers.on_open) self->handlers.on_open(line);
    };
    events.on_line = [weak = weak_from_this()](LineStream& line, std::string_view text) {
      const auto self = weak.lock();
      if (self && !self->closed && self->handlers.on_line) self->handlers.on_line(line, text);
    };
    events.on_end = [weak = weak_from_this()](const Error& why) {
      const auto self = weak.lock();
      if (self && !self->closed) self->went_down(why);
    };
    pipe = std::make_shared<LinePipe>(io, endpoint, target, options, std::move(events));
    pipe->dial(endpoint, tls->current(), options.limits.connect_time);
  }

  void went_down(const Error& why) {
    pipe.reset();
    if (handlers.on_down) handlers.on_down(why);
    if (closed) return;
    // Half to all of the pause, so that many clients of one server do not come back in step.
    const auto byte = static_cast<unsigned char>(random.bytes(1)[0]);
    timer.expires_after(pause / 2 + pause * byte / 512);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!error && self) self->try_once();
    });
    pause = std::min(pause * 2, options.longest_pause);
  }

  void close() {
    closed = true;
    timer.cancel();
    if (const auto old = std::exchange(pipe, nullptr)) old->abandon();
  }

  asio::io_context& io;
  const Endpoint endpoint;
  const std::shared_ptr<TlsClient> tls;
  const std::string target;
  const LineClientHandlers handlers;
  Random& random;
  const LineClientOptions options;
  Millis pause;
  asio::steady_timer timer;
  std::shared_ptr<LinePipe> pipe;
  bool closed = false;
};

LineClient::LineClient(asio::io_context& io, Endpoint endpoint, std::shared_ptr<TlsClient> tls,
                       std::string target, LineClientHandlers handlers, Random& random,
                       LineClientOptions options)
    : state_(std::make_shared<State>(io, std::move(endpoint), std::move(tls), std::move(target),
                                     std::move(handlers), random, options)) {
  asio::post(io, [state = state_] { state->try_once(); });
}

LineClient::~LineClient() {
  state_->close();
}

}  // namespace writ::net
