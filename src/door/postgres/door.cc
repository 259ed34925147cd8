#include "door/postgres/door.h"

#include <future>
#include <optional>
#include <thread>

#include "base/log.h"
#include "door/postgres/checkpoints.h"
#include "door/postgres/control.h"
#include "door/postgres/floor.h"
#include "door/postgres/spool.h"
#include "door/postgres/timers.h"
#include "net/asio.h"

namespace writ::door::postgres {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// A suspended machine's clock goes on while its timers stand still: looked at this often at least.
constexpr Millis kLongestSleep{500};
constexpr Millis kPauseAfterAccept{100};
// How long a door that stops waits for the server to have its reports.
constexpr Millis kFarewell{1'000};
constexpr std::string_view kAlpn = "postgresql";

Result<std::shared_ptr<const Credentials>> make_credentials(const crypto::TlsIdentity& identity,
                                                            const std::string& roots_pem) {
  TRY(tls, crypto::SocketTls::server(identity, std::string(kAlpn)));
  TRY(roots, crypto::Certificate::chain_from_pem(roots_pem));
  return std::make_shared<const Credentials>(Credentials{std::move(tls), std::move(roots)});
}

}  // namespace

struct Door::State {
  State(DoorConfig given, const Clock& its_clock, Random& its_random)
      : config(std::move(given)), clock(its_clock), random(its_random) {}

  Status open();
  void accept();
  void arm();
  void farewell();

  DoorConfig config;
  const Clock& clock;
  Random& random;
  std::shared_ptr<net::TlsClient> server_tls;
  std::optional<RememberedHeads> heads;
  std::uint16_t port = 0;

  // Of the loop's thread from here on, once it runs; destroyed from the last to the first.
  asio::io_context io{1};
  Timers timers;
  std::unique_ptr<Spool> spool;
  std::unique_ptr<Floor> floor;
  std::unique_ptr<Control> control;
  std::optional<asio::steady_timer> wake;
  std::optional<tcp::acceptor> acceptor;
  bool leaving = false;

  std::thread thread;
};

Status Door::State::open() {
  TRY(credentials, make_credentials(config.identity, config.roots_pem));
  TRY(tls,
      net::TlsClient::create(config.identity, config.roots_pem, config.expected_server, clock));
  server_tls = std::move(tls);
  TRY(opened, Spool::open(config.state_folder, config.limits.spool_rewrite, clock,
                          [this](std::function<void()> task) { asio::post(io, std::move(task)); }));
  spool = std::move(opened);
  TRY(remembered, RememberedHeads::open(config.state_folder, config.log_keys));
  heads = std::move(remembered);

  boost::system::error_code error;
  const auto address = asio::ip::make_address(config.address, error);
  if (error) return fail(Code::kInvalid, "no IP address to listen on: " + config.address);
  const tcp::endpoint endpoint(address, config.port);
  acceptor.emplace(io);
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return fail(Code::kUnavailable, "listening on " + config.address + ":" +
                                        std::to_string(config.port) + ": " + error.message());
  }
  port = acceptor->local_endpoint(error).port();

  wake.emplace(io);
  timers.on_earlier = [this] { arm(); };
  floor = std::make_unique<Floor>(Tools{io, clock, random, timers, *spool, config.limits},
                                  std::move(credentials));
  Control::Events events;
  events.sessions = [this] { return floor->open_sessions(); };
  events.up = [this] { floor->server_up(); };
  events.down = [this] { floor->server_down(); };
  events.cut = [this](const Cut& cut) { floor->cut(cut); };
  control = std::make_unique<Control>(io, config.server, server_tls, config.stream, *spool, *heads,
                                      timers, clock, random, std::move(events));
  floor->attach(*control);
  spool->on_change = [this] {
    if (control) control->send_reports();
    if (leaving) farewell();
  };
  accept();
  arm();
  return {};
}

void Door::State::accept() {
  acceptor->async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
    if (leaving || error == asio::error::operation_aborted) return;
    if (error) {
      // Out of descriptors, most likely: the clients wait in the kernel's queue.
      log(Level::kWarn, "door_accept_failed", {{"message", error.message()}});
      timers.set(clock.steady() + kPauseAfterAccept, [this] {
        if (!leaving) accept();
      });
      return;
    }
    boost::system::error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    const int descriptor = socket.release(gone);
    floor->admit(descriptor, peer.address().to_string());
    accept();
  });
}

void Door::State::arm() {
  const auto next = timers.next();
  const Millis now = clock.steady();
  const Millis sleep = next ? std::clamp(*next - now, Millis(0), kLongestSleep) : kLongestSleep;
  wake->expires_after(sleep);
  wake->async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    timers.run(clock.steady());
    arm();
  });
}

// The loop ends when the server has every report, or cannot have it now.
void Door::State::farewell() {
  const bool durable = spool->durable_seq() + 1 >= spool->next_seq() || !spool->healthy();
  if (!durable) return;
  if (control && control->is_up() && !spool->pending().empty()) return;
  io.stop();
}

Door::Door(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Door>> Door::start(DoorConfig config, const Clock& clock, Random& random) {
  auto state = std::make_unique<State>(std::move(config), clock, random);
  CHECK_OK(state->open());
  State* running = state.get();
  running->thread = std::thread([running] { running->io.run(); });
  log(Level::kInfo, "door_listening",
      {{"address", running->config.address}, {"port", static_cast<int>(running->port)}});
  return std::unique_ptr<Door>(new Door(std::move(state)));
}

Door::~Door() {
  State& state = *state_;
  asio::post(state.io, [&state] {
    state.leaving = true;
    boost::system::error_code ignored;
    state.acceptor->close(ignored);
    state.floor->shut();
    state.timers.set(state.clock.steady() + kFarewell, [&state] { state.io.stop(); });
    state.farewell();
  });
  state.thread.join();
  state.spool->on_change = nullptr;
  state.control.reset();
  state.floor.reset();
  state.spool.reset();
}

std::uint16_t Door::port() const {
  return state_->port;
}

Status Door::reload(const crypto::TlsIdentity& identity, const std::string& roots_pem) {
  TRY(credentials, make_credentials(identity, roots_pem));
  CHECK_OK(state_->server_tls->replace(identity, roots_pem));
  asio::post(state_->io, [state = state_.get(), credentials] { state->floor->use(credentials); });
  return {};
}

DoorCounts Door::counts() const {
  auto promise = std::make_shared<std::promise<DoorCounts>>();
  auto future = promise->get_future();
  asio::post(state_->io, [state = state_.get(), promise] {
    DoorCounts counts;
    counts.connections = state->floor->connections();
    counts.sessions = state->floor->sessions();
    counts.unacknowledged = state->spool->pending().size();
    counts.open = state->floor->may_enter();
    promise->set_value(counts);
  });
  return future.get();
}

}  // namespace writ::door::postgres
