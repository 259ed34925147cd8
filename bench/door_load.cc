// Measures a door that runs, with libpq clients. Prints one JSON object of figures.
//
//   door_load prepare HOME PREFIX COUNT DURATION_MS STEP_MS FOLDER   grants for what follows
//   door_load connect DIRECT FOLDER COUNT       opening a session: direct with TLS, and by the door
//   door_load copy DIRECT FOLDER SQL COUNT      the time of a large COPY, direct and by the door
//   door_load idle FOLDER COUNT DOOR_PID        what an idle session weighs in the door
//   door_load revoke HOME FOLDER                grants one by one, while 200 sessions read
//   door_load revoke-all HOME FOLDER NAME       all at once, by quarantining NAME
//   door_load own-clock FOLDER SERVER_PID       kills the server; the door cuts by its own clock
//
// DIRECT is a libpq connection string of the database itself; FOLDER is what `prepare` wrote.
#include <signal.h>
#include <sys/resource.h>

#include <fstream>

#include "access.h"
#include "sessions.h"

namespace writ::bench {
namespace {

double time_of(const auto& call) {
  const auto from = Wall::now();
  call();
  return ms_between(from, Wall::now());
}

void measure_connect(const std::string& direct, const std::string& folder, int count) {
  const Access access = read_access(folder);
  std::vector<double> direct_ms, door_ms;
  const auto open = [](const std::string& conninfo) { PQfinish(connect_or_die(conninfo)); };
  for (int i = -5; i < count; ++i) {
    const std::size_t grant = static_cast<std::size_t>(i + 5) % access.grants.size();
    const std::string door = door_conninfo(folder, access, access.grants[grant]);
    const double with_door = time_of([&] { open(door); });
    const double without = time_of([&] { open(direct); });
    if (i < 0) continue;  // warm-up
    door_ms.push_back(with_door);
    direct_ms.push_back(without);
  }
  print({{"connect_p50_ms", percentile(door_ms, 0.5) - percentile(direct_ms, 0.5)},
         {"connect_door_p50_ms", percentile(door_ms, 0.5)},
         {"connect_direct_p50_ms", percentile(direct_ms, 0.5)}});
}

// Reads all of it, and answers how many bytes came.
std::size_t copy_out(PGconn* connection, const std::string& sql) {
  PGresult* result = PQexec(connection, sql.c_str());
  if (PQresultStatus(result) != PGRES_COPY_OUT) die(PQerrorMessage(connection));
  PQclear(result);
  std::size_t bytes = 0;
  char* row = nullptr;
  int size = 0;
  while ((size = PQgetCopyData(connection, &row, 0)) > 0) {
    bytes += static_cast<std::size_t>(size);
    PQfreemem(row);
  }
  if (size == -2) die(PQerrorMessage(connection));
  while ((result = PQgetResult(connection)) != nullptr) {
    if (PQresultStatus(result) != PGRES_COMMAND_OK) die(PQerrorMessage(connection));
    PQclear(result);
  }
  return bytes;
}

void measure_copy(const std::string& direct, const std::string& folder, const std::string& sql,
                  int count) {
  const Access access = read_access(folder);
  PGconn* without = connect_or_die(direct);
  PGconn* with_door = connect_or_die(door_conninfo(folder, access, access.grants.front()));
  const std::size_t bytes = copy_out(without, sql);  // warm-up
  if (copy_out(with_door, sql) != bytes) die("the door changed the bytes");
  std::vector<double> direct_ms, door_ms;
  for (int i = 0; i < count; ++i) {
    direct_ms.push_back(time_of([&] { copy_out(without, sql); }));
    door_ms.push_back(time_of([&] { copy_out(with_door, sql); }));
  }
  PQfinish(without);
  PQfinish(with_door);
  const double direct_p50 = percentile(direct_ms, 0.5), door_p50 = percentile(door_ms, 0.5);
  const double mb = static_cast<double>(bytes) / 1e6;
  print({{"copy_ratio", direct_p50 / door_p50},
         {"copy_direct_mb_per_s", mb / direct_p50 * 1e3},
         {"copy_door_mb_per_s", mb / door_p50 * 1e3}});
}

double resident_kb(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string word; status >> word;) {
    double kb = 0;
    if (word == "VmRSS:" && status >> kb) return kb;
  }
  die("no process " + pid);
}

void measure_idle(const std::string& folder, int count, const std::string& door_pid) {
  const Access access = read_access(folder);
  std::vector<PGconn*> open;
  const auto one = [&] {
    const GrantLine& grant = access.grants[open.size() % access.grants.size()];
    open.push_back(connect_or_die(door_conninfo(folder, access, grant)));
  };
  const double before = resident_kb(door_pid);
  while (open.size() < static_cast<std::size_t>(count)) one();
  const double after = resident_kb(door_pid);
  for (PGconn* connection : open) PQfinish(connection);
  print({{"door_kb_per_connection", (after - before) / count},
         {"door_idle_connections", 1.0 * count}});
}

Work work_of(std::size_t i) {
  return i % 10 == 3 ? Work::kCopy : i % 10 == 7 || i % 10 == 5 ? Work::kCursor : Work::kQuery;
}

void open_all(Sessions& sessions, const std::string& folder, const Access& access) {
  for (const GrantLine& grant : access.grants) {
    sessions.open(door_conninfo(folder, access, grant), work_of(sessions.size()));
  }
  sessions.start();
  if (!sessions.await_all_busy(30)) die("not all sessions read");
}

void await_ended(cmd::Client& client, const std::string& grant) {
  const auto reached = client.get("/v1/grants/" + grant + "?wait=ended&timeout_ms=30000");
  if (!reached) die("waiting for the end of " + grant + ": " + reached.error().text());
  if (cmd::text_or_empty(*reached, "state") != "ended") die(grant + " does not end");
}

void measure_revoke(const std::string& home, const std::string& folder) {
  const Access access = read_access(folder);
  Person person(home);
  cmd::Client& client = person.client();
  Sessions sessions;
  open_all(sessions, folder, access);
  std::vector<double> cut_ms, gone_ms, answered_ms;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const std::string& grant = access.grants[i].grant;
    const auto sent = Wall::now();
    const auto done =
        client.command("revoke", Json::object({{"grant", grant}, {"reason", "a measurement"}}));
    answered_ms.push_back(ms_between(sent, Wall::now()));
    if (!done) die("revoke " + grant + ": " + done.error().text());
    await_ended(client, grant);
    gone_ms.push_back(ms_between(sent, Wall::now()));
    if (!sessions.await_dead(i, i + 1, 10)) die("the session of " + grant + " lives on");
    cut_ms.push_back(ms_between(sent, sessions.last_byte(i)));
  }
  print({{"revoke_p50_ms", percentile(cut_ms, 0.5)},
         {"revoke_p99_ms", percentile(cut_ms, 0.99)},
         {"revoke_answered_p50_ms", percentile(answered_ms, 0.5)},
         {"role_gone_p50_ms", percentile(gone_ms, 0.5)},
         {"role_gone_p99_ms", percentile(gone_ms, 0.99)}});
}

void measure_revoke_all(const std::string& home, const std::string& folder,
                        const std::string& name) {
  const Access access = read_access(folder);
  Person person(home);
  cmd::Client& client = person.client();
  Sessions sessions;
  open_all(sessions, folder, access);
  const auto sent = Wall::now();
  const auto done = client.command(
      "set_identity_state",
      Json::object({{"identity", name}, {"state", "quarantined"}, {"reason", "a measurement"}}));
  const auto answered = Wall::now();
  if (!done) die("quarantine " + name + ": " + done.error().text());
  if (!sessions.await_dead(0, sessions.size(), 30)) die("a session lives on");
  std::vector<double> cut_ms;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    cut_ms.push_back(ms_between(sent, sessions.last_byte(i)));
  }
  for (const GrantLine& grant : access.grants) await_ended(client, grant.grant);
  print({{"revoke_all_p50_ms", percentile(cut_ms, 0.5)},
         {"revoke_all_p99_ms", percentile(cut_ms, 0.99)},
         {"revoke_all_last_ms", percentile(cut_ms, 1)},
         {"revoke_all_answered_ms", ms_between(sent, answered)},
         {"roles_all_gone_ms", ms_between(sent, Wall::now())}});
}

void measure_own_clock(const std::string& folder, int server_pid) {
  const Access access = read_access(folder);
  Sessions sessions;
  open_all(sessions, folder, access);
  // Until shortly before the first end, so that the door's autonomy covers the last one.
  const auto wall = [] { return unix_ms(SystemClock().now()); };
  const std::int64_t kill_at = access.grants.front().until_ms - 1'000;
  while (wall() < kill_at) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (kill(server_pid, SIGKILL) != 0) die("the server is not there");
  const Wall::time_point steady = Wall::now();
  const std::int64_t at_steady = wall();
  if (!sessions.await_dead(0, sessions.size(), 60)) die("a session lives on");
  std::vector<double> late_ms;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const double last = static_cast<double>(at_steady) + ms_between(steady, sessions.last_byte(i));
    late_ms.push_back(last - static_cast<double>(access.grants[i].until_ms));
  }
  print({{"door_own_clock_cut_p50_ms", percentile(late_ms, 0.5)},
         {"door_own_clock_cut_p99_ms", percentile(late_ms, 0.99)},
         {"door_own_clock_cut_first_ms", percentile(late_ms, 0)}});
}

int run(const std::vector<std::string>& args) {
  const std::string what = args.empty() ? "" : args[0];
  const auto number = [&](std::size_t i) { return std::atoi(args[i].c_str()); };
  if (what == "prepare" && args.size() == 7) {
    prepare_access(args[1], args[2], number(3), Millis(number(4)), Millis(number(5)), args[6]);
  } else if (what == "connect" && args.size() == 4) {
    measure_connect(args[1], args[2], number(3));
  } else if (what == "copy" && args.size() == 5) {
    measure_copy(args[1], args[2], args[3], number(4));
  } else if (what == "idle" && args.size() == 4) {
    measure_idle(args[1], number(2), args[3]);
  } else if (what == "revoke" && args.size() == 3) {
    measure_revoke(args[1], args[2]);
  } else if (what == "revoke-all" && args.size() == 4) {
    measure_revoke_all(args[1], args[2], args[3]);
  } else if (what == "own-clock" && args.size() == 3) {
    measure_own_clock(args[1], number(2));
  } else {
    die("door_load: see the head of bench/door_load.cc for what it takes");
  }
  return 0;
}

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  return writ::bench::run({argv + 1, argv + argc});
}
