#include "net/http_server.h"

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <cstdlib>
#include <thread>

#include "base/log.h"
#include "net/connection.h"

namespace writ::net {

Responder::Responder(std::shared_ptr<Connection> connection, std::uint64_t request)
    : connection_(std::move(connection)), request_(request) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(request_, other.request_);
  return *this;
}

Responder::~Responder() {
  if (connection_) {
    send_error({Code::kInternal, "the server gave no answer to this request", {}});
  }
}

void Responder::send(Response response) {
  if (const auto connection = std::exchange(connection_, nullptr)) {
    connection->answer(request_, std::move(response));
  }
}

std::shared_ptr<LineStream> StreamOffer::accept(LineHandlers handlers) {
  const auto connection = std::exchange(responder_.connection_, nullptr);
  if (!connection) return nullptr;
  auto line = std::make_shared<LineEnd>(connection->loop()->io, connection->loop(),
                                        connection->served().options.lines, std::move(handlers));
  connection->answer(responder_.request_, line);
  return line;
}

struct HttpServer::State {
  State(std::shared_ptr<TlsServer> tls, const Clock& clock, HttpServerOptions options)
      : keeper(std::make_shared<Served>(std::move(options), std::move(tls), clock)),
        served(*keeper) {}

  // On loop 0's thread.
  void accept_next() {
    Loop& loop = *loops[next_loop++ % loops.size()];
    acceptor->async_accept(
        loop.io, [this, &loop](const boost::system::error_code& error, tcp::socket socket) {
          if (error == asio::error::operation_aborted || !acceptor->is_open()) return;
          if (error) {
            // Out of descriptors or memory: a pause lets connections end.
            log(Level::kWarn, "accept_failed", {{"why", error.message()}});
            pause->expires_after(std::chrono::milliseconds(100));
            pause->async_wait([this](const boost::system::error_code& stopped) {
              if (!stopped) accept_next();
            });
            return;
          }
          if (served.open.load(std::memory_order_relaxed) < served.options.connections) {
            asio::post(loop.io,
                       [&loop, moved = std::make_shared<tcp::socket>(std::move(socket))]() mutable {
                         loop.adopt(std::move(*moved));
                       });
          }
          accept_next();
        });
  }

  void add(std::string_view method, std::string_view pattern, Route route) {
    const Status added = served.router.add(method, pattern, served.routes.size());
    if (!added) {
      log(Level::kError, "bad_route", {{"why", added.error().text()}});
      std::abort();
    }
    served.routes.push_back(std::move(route));
  }

  // Runs `task` on every loop and waits until all have done it.
  void on_every_loop(const std::function<void(Loop&)>& task) {
    std::mutex mutex;
    std::condition_variable done;
    std::size_t left = loops.size();
    for (const auto& loop : loops) {
      asio::post(loop->io, [&, raw = loop.get()] {
        task(*raw);
        const std::lock_guard lock(mutex);
        --left;
        done.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return left == 0; });
  }

  const std::shared_ptr<Served> keeper;
  Served& served;
  std::vector<std::shared_ptr<Loop>> loops;
  std::unique_ptr<tcp::acceptor> acceptor;    // loop 0's
  std::unique_ptr<asio::steady_timer> pause;  // loop 0's
  std::vector<std::thread> threads;
  std::size_t next_loop = 0;
  std::uint16_t port = 0;
};

HttpServer::HttpServer(std::shared_ptr<TlsServer> tls, const Clock& clock,
                       HttpServerOptions options)
    : state_(std::make_unique<State>(std::move(tls), clock, std::move(options))) {}

HttpServer::~HttpServer() {
  stop();
}

void HttpServer::route(std::string_view method, std::string_view pattern, Handler handler,
                       RouteLimits limits) {
  state_->add(method, pattern, {std::move(handler), nullptr, limits});
}

void HttpServer::stream(std::string_view pattern, StreamHandler handler) {
  state_->add("GET", pattern, {nullptr, std::move(handler), {.body = 0}});
}

Status HttpServer::start() {
  State& s = *state_;
  const HttpServerOptions& options = s.served.options;
  if (!s.loops.empty()) return fail(Code::kConflict, "the server has been started already");
  const std::string where = options.address + ":" + std::to_string(options.port);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return fail(Code::kInvalid, "\"" + options.address + "\" is no IP address");
  for (unsigned i = 0; i < std::max(1u, options.threads); ++i) {
    s.loops.push_back(std::make_shared<Loop>(s.keeper, i));
  }
  asio::io_context& io = s.loops.front()->io;
  s.acceptor = std::make_unique<tcp::acceptor>(io);
  s.pause = std::make_unique<asio::steady_timer>(io);
  const tcp::endpoint endpoint(address, options.port);
  s.acceptor->open(endpoint.protocol(), error);
  if (!error) s.acceptor->set_option(asio::socket_base::reuse_address(true), error);
  if (!error) s.acceptor->bind(endpoint, error);
  if (!error) s.acceptor->listen(1024, error);
  if (error) {
    s.acceptor.reset();
    s.pause.reset();
    s.loops.clear();
    return fail(Code::kUnavailable, "listening on " + where + " failed: " + error.message());
  }
  s.port = s.acceptor->local_endpoint().port();
  s.accept_next();
  for (const auto& loop : s.loops) {
    s.threads.emplace_back([loop] { loop->run(); });
  }
  return {};
}

std::uint16_t HttpServer::port() const {
  return state_->port;
}

void HttpServer::stop(Millis grace) {
  State& s = *state_;
  if (s.threads.empty()) return;
  s.on_every_loop([&](Loop& loop) {
    if (loop.index == 0) {
      boost::system::error_code ignored;
      s.acceptor->close(ignored);
      s.pause->cancel();
    }
    loop.retire_all();
  });
  const SteadyTime until = steady_now() + grace;
  std::mutex mutex;
  std::condition_variable never;
  // Connections count themselves; there is no event for the last one's end.
  for (std::unique_lock lock(mutex); s.served.open.load() > 0 && steady_now() < until;) {
    never.wait_for(lock, std::chrono::milliseconds(2));
  }
  s.on_every_loop([](Loop& loop) { loop.break_off_all(); });
  s.on_every_loop([](Loop& loop) { loop.stop_turning(); });
  for (std::thread& thread : s.threads) thread.join();
  s.threads.clear();
  for (const auto& loop : s.loops) loop->close();
}

void HttpServer::post(unsigned thread_index, std::function<void()> task) {
  if (thread_index < state_->loops.size()) {
    state_->loops[thread_index]->post(std::move(task));
  }
}

}  // namespace writ::net
