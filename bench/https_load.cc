// Measures decisions over HTTPS: CONNECTIONS kept connections with a door's certificate, each with
// one POST /access/v1/evaluation under way at any time, against a server that runs. Prints one JSON
// object of figures. Deliberately light: it shares the cores with the server.
//
//   https_load HOST PORT DOOR_HOME FOLDER CONNECTIONS SECONDS
//
// FOLDER is what `door_load prepare` wrote: who asks, and for which entitlements.
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>

#include "access.h"
#include "base/file.h"
#include "cmd/home.h"
#include "figures.h"

namespace writ::bench {
namespace {

constexpr double kWarmUpSeconds = 1;

// A request as it is sent, but for its number, which has always as many digits.
struct Request {
  std::string text;
  std::size_t number_at = 0;
};

struct Connection {
  int socket = -1;
  SSL* ssl = nullptr;
  std::string reply;
  Wall::time_point sent;
};

class Load {
 public:
  Load(const std::string& host, const std::string& port, const std::string& home,
       const std::string& folder)
      : host_(host), access_(read_access(folder)) {
    auto opened = cmd::Home::open(home);
    if (!opened) die(opened.error().text());
    const auto key = opened->key();
    if (!key) die(key.error().text());
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_read_ahead(context_, 1);  // a reply is one system call
    const std::string key_path = folder + "/door.key";
    if (!write_file(key_path, key->to_pem().reveal(), 0600)) die("cannot write " + key_path);
    if (SSL_CTX_load_verify_locations(context_, (home + "/ca.pem").c_str(), nullptr) != 1 ||
        SSL_CTX_use_certificate_chain_file(context_, (home + "/cert.pem").c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context_, key_path.c_str(), SSL_FILETYPE_PEM) != 1) {
      die("the door's certificate cannot be used");
    }
    unlink(key_path.c_str());
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host.c_str(), port.c_str(), &hints, &address_) != 0) die("no address: " + host);
    poll_ = epoll_create1(EPOLL_CLOEXEC);
    for (const GrantLine& grant : access_.grants) requests_.push_back(request_for(grant));
  }

  void open(std::size_t number) {
    auto c = std::make_unique<Connection>();
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->socket, address_->ai_addr, address_->ai_addrlen) != 0) die("no connection");
    const int on = 1;
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->ssl = SSL_new(context_);
    SSL_set_fd(c->ssl, c->socket);
    if (SSL_connect(c->ssl) != 1) die("the server refuses the TLS connection");
    fcntl(c->socket, F_SETFL, O_NONBLOCK);
    epoll_event wanted{.events = EPOLLIN, .data = {.u64 = number}};
    epoll_ctl(poll_, EPOLL_CTL_ADD, c->socket, &wanted);
    connections_.push_back(std::move(c));
  }

  void run(double seconds) {
    const auto begin = Wall::now();
    const auto from = begin + std::chrono::duration_cast<Wall::duration>(
                                  std::chrono::duration<double>(kWarmUpSeconds));
    const auto until =
        from + std::chrono::duration_cast<Wall::duration>(std::chrono::duration<double>(seconds));
    for (const auto& c : connections_) ask(*c);
    std::vector<double> ms;
    ms.reserve(1 << 20);
    epoll_event ready[64];
    double all = 0;  // the warm-up's, too
    auto now = begin;
    while (now < until) {
      const int count = epoll_wait(poll_, ready, 64, 1000);
      for (int i = 0; i < count; ++i) {
        Connection& c = *connections_[ready[i].data.u64];
        if (!receive(c)) continue;
        now = Wall::now();
        ++all;
        if (now >= from && now < until) ms.push_back(ms_between(c.sent, now));
        ask(c);
      }
      now = Wall::now();
    }
    print({{"https_decisions_per_s", static_cast<double>(ms.size()) / seconds},
           {"https_decisions", all},
           {"https_p50_ms", percentile(ms, 0.5)},
           {"https_p99_ms", percentile(ms, 0.99)}});
  }

 private:
  Request request_for(const GrantLine& grant) const {
    const std::string before =
        "{\"subject\":{\"type\":\"identity\",\"id\":\"" + access_.subject +
        "\"},\"action\":{\"name\":\"connect\"},\"resource\":{\"type\":\"entitlement\",\"id\":\"" +
        grant.entitlement + "\"},\"context\":{\"door_seq\":";
    const std::string body = before + std::to_string(kFirst) + ",\"credential\":\"" + grant.serial +
                             "\",\"source_ip\":\"127.0.0.1\"}}";
    const std::string head =
        "POST /access/v1/evaluation HTTP/1.1\r\nHost: " + host_ +
        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n";
    return {head + body, head.size() + before.size()};
  }

  void ask(Connection& c) {
    Request& request = requests_[number_ % requests_.size()];
    ++number_;
    char* const digits = request.text.data() + request.number_at;
    std::to_chars(digits, digits + kDigits, kFirst + static_cast<std::int64_t>(number_));
    c.reply.clear();
    c.sent = Wall::now();
    if (SSL_write(c.ssl, request.text.data(), static_cast<int>(request.text.size())) <= 0) {
      die("the server takes no request");
    }
  }

  // Whether a whole answer is there now.
  bool receive(Connection& c) {
    char part[4096];
    do {
      const int n = SSL_read(c.ssl, part, sizeof part);
      if (n <= 0) {
        if (SSL_get_error(c.ssl, n) == SSL_ERROR_WANT_READ) return false;
        die("the server closed a connection; its last words: " + c.reply);
      }
      c.reply.append(part, static_cast<std::size_t>(n));
      const std::size_t head = c.reply.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      if (!c.reply.starts_with("HTTP/1.1 200")) die(c.reply);
      if (c.reply.size() < head + 4 + content_length(c.reply)) continue;
      if (c.reply.find("\"decision\":true", head) == std::string::npos) {
        die("this should have been allowed: " + c.reply);
      }
      return true;
    } while (SSL_has_pending(c.ssl) == 1);
    return false;
  }

  static std::size_t content_length(const std::string& reply) {
    for (const char* name : {"Content-Length: ", "content-length: "}) {
      const std::size_t at = reply.find(name);
      if (at != std::string::npos) return std::strtoul(reply.c_str() + at + 16, nullptr, 10);
    }
    die(reply);
  }

  // Above whatever the door itself has counted to.
  static constexpr std::int64_t kFirst = 1'000'000'000'000;
  static constexpr std::size_t kDigits = 13;

  std::string host_;
  Access access_;
  SSL_CTX* context_ = nullptr;
  addrinfo* address_ = nullptr;
  int poll_ = -1;
  std::size_t number_ = 0;
  std::vector<Request> requests_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  if (argc != 7) writ::bench::die("https_load HOST PORT DOOR_HOME FOLDER CONNECTIONS SECONDS");
  signal(SIGPIPE, SIG_IGN);
  writ::bench::Load load(argv[1], argv[2], argv[3], argv[4]);
  const int connections = std::atoi(argv[5]);
  for (int i = 0; i < connections; ++i) load.open(static_cast<std::size_t>(i));
  load.run(std::atof(argv[6]));
  return 0;
}
