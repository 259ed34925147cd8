#include <algorithm>
#include <boost/asio/post.hpp>
#include <deque>
#include <mutex>

#include "net/client_message.h"
#include "net/client_pipe.h"

namespace writ::net {
namespace {

struct Call {
  std::string method;
  std::string target;
  std::string body;
  AsyncClient::Callback callback;
  SteadyTime until;
};

class PooledPipe;

// What a pooled connection tells the pool.
struct Pool {
  virtual ~Pool() = default;
  virtual void ready(const std::shared_ptr<PooledPipe>& pipe) = 0;  // may take a call
  virtual void ended(const std::shared_ptr<PooledPipe>& pipe, const Error& why) = 0;
  virtual void finished(Call call, Result<Reply> result) = 0;
};

// One connection; one call at a time.
class PooledPipe final : public ClientPipe {
 public:
  PooledPipe(asio::io_context& io, std::weak_ptr<Pool> pool, const Endpoint& endpoint,
             std::size_t most)
      : ClientPipe(io), pool_(std::move(pool)), endpoint_(endpoint), most_(most) {}

  void begin(Call call) {
    append_request(output(), endpoint_, call.method, call.target, call.body, {});
    reader_.reply_to(call.method);
    const auto left = std::chrono::duration_cast<Millis>(call.until - steady_now());
    call_ = std::move(call);
    set_deadline(std::max(left, Millis(1)), "the server did not answer in time");
    flush();
    if (!is_dead()) read_more();
  }

  bool was_dialing = true;  // the pool's business

 private:
  std::shared_ptr<PooledPipe> self() {
    return std::static_pointer_cast<PooledPipe>(shared_from_this());
  }

  void on_secured() override {
    clear_deadline();
    offer();
  }

  // Reading while idle notices at once when the server closes.
  void offer() {
    const auto keep = self();
    read_more();
    const auto pool = pool_.lock();
    if (!is_dead() && pool) pool->ready(keep);
  }

  void on_input() override {
    const auto keep = self();
    if (!call_) {
      return break_off({Code::kInvalid, "the server sent what was not asked for", {}});
    }
    for (;;) {
      switch (reader_.feed(input())) {
        case MessageReader::Found::kMore:
          return read_more();
        case MessageReader::Found::kHead:
          reader_.limit_body(most_);
          continue;
        case MessageReader::Found::kBad:
          return break_off({Code::kInvalid, reader_.bad_message(), {}});
        case MessageReader::Found::kMessage:
          break;
      }
      if (reader_.status() >= 200) break;
      reader_.next(input());
    }
    Reply reply = take_reply(reader_, input());
    const bool again = reader_.keep_alive();
    reader_.next(input());
    clear_deadline();
    Call call = std::move(*call_);
    call_.reset();
    if (const auto pool = pool_.lock()) pool->finished(std::move(call), std::move(reply));
    if (is_dead()) return;
    if (again && input().empty()) return offer();
    break_off({Code::kUnavailable, "the server closed the connection", {}});
  }

  void on_drained() override {}

  void on_broken(const Error& why) override {
    release();
    const auto pool = pool_.lock();
    if (!pool) return;
    if (call_) {
      Call call = std::move(*call_);
      call_.reset();
      pool->finished(std::move(call), tl::unexpected<Error>(why));
    }
    pool->ended(self(), why);
  }

  const std::weak_ptr<Pool> pool_;
  const Endpoint& endpoint_;  // the pool's; used in begin alone
  const std::size_t most_;
  MessageReader reader_{MessageKind::kReply, kReplyHead};
  std::optional<Call> call_;
};

}  // namespace

struct AsyncClient::State final : Pool, std::enable_shared_from_this<AsyncClient::State> {
  State(asio::io_context& i, Endpoint e, std::shared_ptr<TlsClient> t, AsyncClientOptions o)
      : io(i), endpoint(std::move(e)), tls(std::move(t)), options(o), sweeper(io) {}

  // Any thread.
  void submit(Call call) {
    {
      const std::lock_guard lock(mutex);
      if (in_flight < options.in_flight) {
        ++in_flight;
        arrived.push_back(std::move(call));
        if (arrived.size() > 1) return;  // the posted task will find it
        asio::post(io, [self = shared_from_this()] { self->take_arrived(); });
        return;
      }
    }
    asio::post(io, [callback = std::move(call.callback)] {
      callback(fail(Code::kExhausted, "too many requests to the server are in flight"));
    });
  }

  // The io_context's thread, from here on.

  void take_arrived() {
    std::deque<Call> calls;
    {
      const std::lock_guard lock(mutex);
      calls.swap(arrived);
    }
    for (Call& call : calls) {
      if (closed) {
        finished(std::move(call), fail(Code::kUnavailable, "the client was closed"));
      } else {
        queue.push_back(std::move(call));
      }
    }
    serve();
  }

  void serve() {
    while (!closed && !queue.empty() && !idle.empty()) {
      const auto pipe = idle.back();
      idle.pop_back();
      Call call = std::move(queue.front());
      queue.pop_front();
      pipe->begin(std::move(call));
    }
    if (closed || queue.empty()) return;
    while (pipes.size() < options.connections && dialing < queue.size()) {
      ++dialing;
      auto pipe =
          std::make_shared<PooledPipe>(io, weak_from_this(), endpoint, options.limits.reply_body);
      pipes.push_back(pipe);
      pipe->dial(endpoint, tls->current(), options.limits.connect_time);
    }
    watch();
  }

  // Queued calls have deadlines too.
  void watch() {
    if (watching || queue.empty() || closed) return;
    watching = true;
    sweeper.expires_after(Millis(20));
    sweeper.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!self) return;
      self->watching = false;
      if (error) return;
      self->expire();
      self->watch();
    });
  }

  void expire() {
    const SteadyTime now = steady_now();
    while (!queue.empty() && queue.front().until <= now) {
      Call call = std::move(queue.front());
      queue.pop_front();
      finished(std::move(call), fail(Code::kUnavailable, "the server did not answer in time"));
    }
  }

  void ready(const std::shared_ptr<PooledPipe>& pipe) override {
    if (std::exchange(pipe->was_dialing, false)) --dialing;
    idle.push_back(pipe);
    serve();
  }

  void ended(const std::shared_ptr<PooledPipe>& pipe, const Error& why) override {
    std::erase(idle, pipe);
    std::erase(pipes, pipe);
    if (closed) return;
    if (std::exchange(pipe->was_dialing, false)) {
      --dialing;
      // When nothing else is connected, waiting would only repeat this failure.
      if (dialing == 0 && pipes.empty()) {
        std::deque<Call> calls;
        calls.swap(queue);
        for (Call& call : calls) finished(std::move(call), tl::unexpected<Error>(why));
      }
    }
    serve();
  }

  void finished(Call call, Result<Reply> result) override {
    {
      const std::lock_guard lock(mutex);
      --in_flight;
    }
    call.callback(std::move(result));
  }

  void close() {
    const auto self = shared_from_this();
    closed = true;
    sweeper.cancel();
    const auto all = pipes;
    for (const auto& pipe : all) {
      pipe->break_off({Code::kUnavailable, "the client was closed", {}});
    }
    std::deque<Call> calls;
    calls.swap(queue);
    {
      const std::lock_guard lock(mutex);
      for (Call& call : arrived) calls.push_back(std::move(call));
      arrived.clear();
    }
    for (Call& call : calls) {
      finished(std::move(call), fail(Code::kUnavailable, "the client was closed"));
    }
  }

  asio::io_context& io;
  const Endpoint endpoint;
  const std::shared_ptr<TlsClient> tls;
  const AsyncClientOptions options;
  asio::steady_timer sweeper;

  std::mutex mutex;
  std::deque<Call> arrived;  // guarded by mutex
  unsigned in_flight = 0;    // guarded by mutex

  std::deque<Call> queue;
  std::vector<std::shared_ptr<PooledPipe>> pipes;
  std::vector<std::shared_ptr<PooledPipe>> idle;
  std::size_t dialing = 0;
  bool watching = false;
  bool closed = false;
};

AsyncClient::AsyncClient(asio::io_context& io, Endpoint endpoint, std::shared_ptr<TlsClient> tls,
                         AsyncClientOptions options)
    : state_(std::make_shared<State>(io, std::move(endpoint), std::move(tls), options)) {}

AsyncClient::~AsyncClient() {
  state_->close();
}

void AsyncClient::call(std::string method, std::string target, std::string body,
                       Callback callback) {
  if (const Status good = check_request(method, target, {}); !good) {
    asio::post(state_->io, [callback = std::move(callback), error = good.error()] {
      callback(tl::unexpected<Error>(error));
    });
    return;
  }
  const SteadyTime until =
      steady_now() + state_->options.limits.connect_time + state_->options.limits.reply_time;
  state_->submit(
      {std::move(method), std::move(target), std::move(body), std::move(callback), until});
}

}  // namespace writ::net
