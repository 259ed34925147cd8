#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <ctime>

#include "net/connection.h"

namespace writ::net {
namespace {

// Which loop runs on this thread.
thread_local const Loop* this_threads_loop = nullptr;

constexpr int kTurn = 64;  // events handled before the batch is handed over

std::chrono::milliseconds shortest_time(const HttpServerOptions& options) {
  return std::min({options.handshake_time, options.header_time, options.body_time,
                   options.idle_time, options.write_time, options.lines.heartbeat,
                   options.lines.dead});
}

}  // namespace

Loop::Loop(std::shared_ptr<Served> what, unsigned number)
    : keeper(std::move(what)),
      index(number),
      served(*keeper),
      work_(io.get_executor()),
      sweeper_(io),
      sweep_every_(std::clamp(shortest_time(served.options) / 4, Millis(5), Millis(250))) {
  refresh_date();
}

bool Loop::is_this_thread() const {
  return this_threads_loop == this;
}

void Loop::run() {
  this_threads_loop = this;
  sweep();
  while (io.run_one() != 0) {
    for (int i = 1; i < kTurn && io.poll_one() != 0; ++i) continue;
    end_turn();
  }
  this_threads_loop = nullptr;
}

void Loop::settle_later(std::shared_ptr<Connection> connection) {
  unsettled_.push_back(std::move(connection));
}

// Who waits for the batch goes first. A connection that could not read while its answers waited may
// do so as it settles, so there may be another batch.
void Loop::end_turn() {
  const auto& hand_over = served.options.on_turn_end;
  if (hand_over) hand_over(index);
  if (unsettled_.empty()) return;
  for (std::size_t i = 0; i < unsettled_.size(); ++i) {
    const auto connection = std::move(unsettled_[i]);
    connection->settle();
  }
  unsettled_.clear();
  if (hand_over) hand_over(index);
}

void Loop::deliver(std::shared_ptr<Connection> connection, std::uint64_t request, Answer answer) {
  std::unique_lock lock(mutex_);
  if (closed_) {
    lock.unlock();
    return return_mail(answer);
  }
  if (mail_.empty() && tasks_.empty()) wake();
  mail_.push_back({std::move(connection), request, std::move(answer)});
}

void Loop::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;  // the caller's copy dies with the call, without the lock
  if (mail_.empty() && tasks_.empty()) wake();
  tasks_.push_back(std::move(task));
}

void Loop::wake() {
  asio::post(io, [self = shared_from_this()] { self->open_mail(); });
}

void Loop::open_mail() {
  std::vector<Mail> mail;
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    mail.swap(mail_);
    tasks.swap(tasks_);
  }
  for (Mail& item : mail) item.connection->complete(item.request, std::move(item.answer));
  for (const auto& task : tasks) task();
}

void Loop::return_mail(Answer& answer) {
  if (auto* line = std::get_if<std::shared_ptr<LineEnd>>(&answer)) {
    (*line)->on_broken({Code::kUnavailable, "the server has stopped", {}});
  }
}

void Loop::close() {
  io.restart();
  io.poll();
  std::vector<Mail> mail;
  std::vector<std::function<void()>> tasks;  // dropped, without the lock
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    mail.swap(mail_);
    tasks.swap(tasks_);
  }
  for (Mail& item : mail) return_mail(item.answer);
}

void Loop::adopt(tcp::socket socket) {
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket));
  connection->place = connections_.size();
  connections_.push_back(connection);
  if (retiring_) return connection->break_off({Code::kUnavailable, "the server is stopping", {}});
  connection->start();
}

void Loop::remove(Connection& connection) {
  const std::size_t at = connection.place;
  if (at >= connections_.size() || connections_[at].get() != &connection) return;
  std::swap(connections_[at], connections_.back());
  connections_[at]->place = at;
  connections_.pop_back();
}

void Loop::retire_all() {
  retiring_ = true;
  const auto all = connections_;
  for (const auto& connection : all) connection->retire();
}

void Loop::break_off_all() {
  const auto all = connections_;
  for (const auto& connection : all) {
    connection->break_off({Code::kUnavailable, "the server has stopped", {}});
  }
}

void Loop::stop_turning() {
  sweeper_.cancel();
  work_.reset();
  io.stop();
}

void Loop::sweep() {
  refresh_date();
  const SteadyTime now = steady_now();
  // Ticking may remove the connection, which puts another into its place; hence backwards.
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) {
      const auto connection = connections_[i];
      connection->tick(now);
    }
  }
  sweeper_.expires_after(sweep_every_);
  sweeper_.async_wait([this](const boost::system::error_code& error) {
    if (!error) sweep();
  });
}

// As exact as the sweep.
void Loop::refresh_date() {
  const std::time_t seconds = static_cast<std::time_t>(unix_ms(served.clock.now()) / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  date_.assign(text.data(), size);
}

}  // namespace writ::net
