// One end of a line stream, on top of a TlsPipe whose HTTP part is over. For the .cc files of this
// room alone.
//
// `send` and `close` may be called from any thread; everything else happens on the loop's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "net/line_stream.h"
#include "net/tls_pipe.h"

namespace writ::net {

class LineEnd final : public LineStream, public std::enable_shared_from_this<LineEnd> {
 public:
  // `keeper` owns `io`; null when `io` outlives every open stream.
  LineEnd(asio::io_context& io, std::shared_ptr<void> keeper, LineTimes times,
          LineHandlers handlers)
      : keeper_(std::move(keeper)), io_(io), times_(times), handlers_(std::move(handlers)) {}

  Status send(std::string_view line) override;
  void close() override;
  bool is_open() const override;

  // From now on lines go through `pipe`, whose owner calls the functions below.
  void attach(std::shared_ptr<TlsPipe> pipe);
  // There may be lines in the pipe's input.
  void on_input();
  void on_drained();
  void on_broken(const Error& why);
  // At least four times per `heartbeat`.
  void tick(SteadyTime now);

 private:
  void push();
  void schedule();  // with mutex_ held

  const std::shared_ptr<void> keeper_;
  asio::io_context& io_;
  const LineTimes times_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::string waiting_;      // whole lines
  std::size_t in_pipe_ = 0;  // bytes that the pipe has not sent yet
  bool scheduled_ = false;
  bool closing_ = false;
  bool closed_ = false;

  // The loop's thread alone:
  LineHandlers handlers_;
  std::shared_ptr<TlsPipe> pipe_;  // until it breaks
  std::size_t scanned_ = 0;        // bytes of input known to hold no newline
  SteadyTime last_received_{};
  SteadyTime last_sent_{};
  SteadyTime close_by_ = SteadyTime::max();
};

}  // namespace writ::net
