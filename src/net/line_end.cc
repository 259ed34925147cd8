#include "net/line_end.h"

#include <boost/asio/post.hpp>

#include "base/bytes.h"

namespace writ::net {
namespace {

constexpr std::size_t kMostQueued = 1 << 20;
constexpr Millis kCloseTime{1'000};

Error closed_error() {
  return {Code::kUnavailable, "the line stream is closed", {}};
}

}  // namespace

Status LineEnd::send(std::string_view line) {
  if (line.empty() || line.size() > kLongestLine || line.find('\n') != std::string_view::npos) {
    return fail(Code::kInvalid, "a line must be 1 to 65536 bytes without a newline");
  }
  const std::lock_guard lock(mutex_);
  if (closed_ || closing_) return tl::unexpected<Error>(closed_error());
  if (waiting_.size() + in_pipe_ + line.size() + 1 > kMostQueued) {
    return fail(Code::kExhausted, "the other side takes lines too slowly; its queue is full");
  }
  waiting_.append(line).push_back('\n');
  schedule();
  return {};
}

void LineEnd::close() {
  const std::lock_guard lock(mutex_);
  if (closed_ || closing_) return;
  closing_ = true;
  schedule();
}

bool LineEnd::is_open() const {
  const std::lock_guard lock(mutex_);
  return !closed_ && !closing_;
}

void LineEnd::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  asio::post(io_, [self = shared_from_this()] { self->push(); });
}

void LineEnd::attach(std::shared_ptr<TlsPipe> pipe) {
  pipe_ = std::move(pipe);
  last_received_ = last_sent_ = steady_now();
  push();
}

void LineEnd::push() {
  const std::shared_ptr<TlsPipe> pipe = pipe_;
  if (!pipe) {
    const std::lock_guard lock(mutex_);
    scheduled_ = false;  // attach pushes again
    return;
  }
  bool is_closing = false;
  {
    const std::lock_guard lock(mutex_);
    scheduled_ = false;
    pipe->output().append(waiting_);
    waiting_.clear();
    is_closing = closing_;
  }
  if (pipe->unsent() > 0) last_sent_ = steady_now();
  if (is_closing) {
    if (close_by_ == SteadyTime::max()) close_by_ = steady_now() + kCloseTime;
    pipe->finish(TlsPipe::Ending::kDrain);
    return;
  }
  pipe->flush();
  const std::lock_guard lock(mutex_);
  in_pipe_ = pipe->unsent();
}

void LineEnd::on_drained() {
  const std::lock_guard lock(mutex_);
  in_pipe_ = 0;
}

void LineEnd::on_input() {
  const auto self = shared_from_this();
  const std::shared_ptr<TlsPipe> pipe = pipe_;
  if (!pipe) return;
  std::string& input = pipe->input();
  if (!input.empty()) last_received_ = steady_now();
  std::size_t begin = 0;
  std::size_t from = scanned_;
  for (;;) {
    const std::size_t end = input.find('\n', from);
    const std::size_t size = (end == std::string::npos ? input.size() : end) - begin;
    if (size > kLongestLine) {
      return pipe->break_off({Code::kInvalid, "the other side sent a line above 64 KB", {}});
    }
    if (end == std::string::npos) break;
    const std::string_view line = std::string_view(input).substr(begin, size);
    if (!is_utf8(line)) {
      return pipe->break_off({Code::kInvalid, "the other side sent a line that is not UTF-8", {}});
    }
    if (!line.empty() && handlers_.on_line) handlers_.on_line(*this, line);
    if (pipe->is_dead()) return;
    begin = from = end + 1;
  }
  input.erase(0, begin);
  scanned_ = input.size();
  if (input.empty() && input.capacity() > 4 * kLongestLine) input.shrink_to_fit();
  pipe->read_more();
}

void LineEnd::on_broken(const Error& why) {
  const auto self = shared_from_this();
  pipe_.reset();
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    waiting_ = {};
  }
  const LineHandlers handlers = std::move(handlers_);
  handlers_ = {};
  if (handlers.on_close) handlers.on_close(*this, why);
}

void LineEnd::tick(SteadyTime now) {
  const std::shared_ptr<TlsPipe> pipe = pipe_;
  if (!pipe) return;
  if (now >= close_by_) return pipe->break_off(closed_error());
  if (now - last_received_ >= times_.dead) {
    return pipe->break_off(
        {Code::kUnavailable, "the other side of the line stream fell silent", {}});
  }
  if (now - last_sent_ >= times_.heartbeat && pipe->unsent() == 0 &&
      close_by_ == SteadyTime::max()) {
    last_sent_ = now;
    pipe->output().push_back('\n');
    pipe->flush();
  }
}

}  // namespace writ::net
