#include "sessions.h"

#include <sys/epoll.h>
#include <unistd.h>

namespace writ::bench {
namespace {

constexpr std::chrono::milliseconds kPause{200};

// Endless, at about the pace at which a person's terminal takes it.
constexpr const char* kEndlessCopy =
    "copy (select generate_series(1, 100000000), repeat('x', 200), pg_sleep(0.005)) to stdout";
constexpr const char* kOpenCursor =
    "begin; declare c cursor for select generate_series(1, 100000000), repeat('y', 100)";

}  // namespace

PGconn* connect_or_die(const std::string& conninfo) {
  PGconn* connection = PQconnectdb(conninfo.c_str());
  if (PQstatus(connection) != CONNECTION_OK) die(PQerrorMessage(connection));
  return connection;
}

void run_or_die(PGconn* connection, const std::string& sql) {
  PGresult* result = PQexec(connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) die(PQerrorMessage(connection));
  PQclear(result);
}

Sessions::~Sessions() {
  stop();
  for (const auto& session : sessions_) PQfinish(session->connection);
}

void Sessions::open(const std::string& conninfo, Work work) {
  auto session = std::make_unique<Session>();
  session->connection = connect_or_die(conninfo);
  session->work = work;
  if (work == Work::kCursor) run_or_die(session->connection, kOpenCursor);
  PQsetnonblocking(session->connection, 1);
  // Spread, so that not all ask at once.
  session->next = Wall::now() + kPause * (sessions_.size() % 50) / 50;
  sessions_.push_back(std::move(session));
}

void Sessions::start() {
  thread_ = std::thread([this] { loop(); });
}

void Sessions::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Sessions::ask(Session& session) {
  const char* sql = session.work == Work::kCopy     ? kEndlessCopy
                    : session.work == Work::kCursor ? "fetch 20 from c"
                                                    : "select now(), count(*) from customers";
  PQsendQuery(session.connection, sql);
  PQflush(session.connection);
  session.asked = true;
}

void Sessions::read(Session& session) {
  const bool alive = PQconsumeInput(session.connection) == 1;
  if (!alive || PQstatus(session.connection) == CONNECTION_BAD) {
    session.dead = true;
    return;
  }
  session.last_byte = Wall::now().time_since_epoch().count();
  session.received = true;
  while (PQisBusy(session.connection) == 0) {
    PGresult* result = PQgetResult(session.connection);
    if (result == nullptr) {
      session.asked = false;
      session.next = Wall::now() + kPause;
      return;
    }
    const bool copies = PQresultStatus(result) == PGRES_COPY_OUT;
    PQclear(result);
    if (!copies) continue;
    char* row = nullptr;
    while (PQgetCopyData(session.connection, &row, 1) > 0) PQfreemem(row);
    if (PQstatus(session.connection) == CONNECTION_BAD) session.dead = true;
    return;
  }
}

void Sessions::loop() {
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    epoll_event wanted{.events = EPOLLIN, .data = {.u64 = i}};
    epoll_ctl(poll, EPOLL_CTL_ADD, PQsocket(sessions_[i]->connection), &wanted);
  }
  epoll_event ready[64];
  while (!stopping_) {
    const int count = epoll_wait(poll, ready, 64, 5);
    for (int i = 0; i < count; ++i) {
      Session& session = *sessions_[ready[i].data.u64];
      const int socket = PQsocket(session.connection);
      if (!session.dead) read(session);
      if (session.dead) epoll_ctl(poll, EPOLL_CTL_DEL, socket, nullptr);
    }
    const auto now = Wall::now();
    for (const auto& session : sessions_) {
      if (!session->dead && !session->asked && session->next <= now) ask(*session);
    }
  }
  close(poll);
}

bool Sessions::await_dead(std::size_t from, std::size_t to, double seconds) const {
  const auto until = Wall::now() + std::chrono::duration<double>(seconds);
  while (from < to) {
    if (is_dead(from)) {
      ++from;
    } else if (Wall::now() > until) {
      return false;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  return true;
}

bool Sessions::await_all_busy(double seconds) const {
  const auto until = Wall::now() + std::chrono::duration<double>(seconds);
  for (std::size_t i = 0; i < size(); ++i) {
    while (!has_received(i)) {
      if (is_dead(i) || Wall::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  return true;
}

}  // namespace writ::bench
