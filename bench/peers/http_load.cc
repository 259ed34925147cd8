// Measures decisions over plain HTTP/1.1, as ../https_load.cc does over TLS: CONNECTIONS kept
// connections, each with one request under way at any time. Prints one JSON object of figures.
// Ends with an error at the first answer that is not as expected.
//
//   http_load HOST PORT TARGET BODIES WANTED CONNECTIONS SECONDS
//
// BODIES is a file with a request's JSON in each line, sent in turn; WANTED stands in each answer.
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "../figures.h"

namespace writ::bench {
namespace {

constexpr double kWarmUpSeconds = 1;
constexpr std::size_t kMostReply = 64 << 10;

Wall::duration seconds(double count) {
  return std::chrono::duration_cast<Wall::duration>(std::chrono::duration<double>(count));
}

struct Connection {
  int socket = -1;
  std::string reply;
  Wall::time_point sent;
};

// Whether the answer is there to its last byte, whichever way it says where that is.
bool whole(const std::string& reply) {
  const std::size_t head = reply.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  std::string fields = reply.substr(0, head);
  for (char& c : fields) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t length = fields.find("\r\ncontent-length: ");
  if (length != std::string::npos) {
    return reply.size() >= head + 4 + std::strtoul(fields.c_str() + length + 18, nullptr, 10);
  }
  if (fields.find("\r\ntransfer-encoding: chunked") == std::string::npos) die(reply);
  return reply.ends_with("\r\n0\r\n\r\n");
}

class Load {
 public:
  Load(std::string host, const char* port, const std::string& target, const char* bodies,
       std::string wanted)
      : host_(std::move(host)), wanted_(std::move(wanted)), poll_(epoll_create1(EPOLL_CLOEXEC)) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host_.c_str(), port, &hints, &address_) != 0) die("no address: " + host_);
    std::ifstream lines(bodies);
    for (std::string body; std::getline(lines, body);) {
      requests_.push_back("POST " + target + " HTTP/1.1\r\nHost: " + host_ +
                          "\r\nContent-Type: application/json\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n\r\n" + body);
    }
    if (requests_.empty()) die(std::string("no requests in ") + bodies);
  }

  void open(std::size_t number) {
    auto c = std::make_unique<Connection>();
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->socket, address_->ai_addr, address_->ai_addrlen) != 0) die("no connection");
    const int on = 1;
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->socket, F_SETFL, O_NONBLOCK);
    epoll_event wanted{.events = EPOLLIN, .data = {.u64 = number}};
    epoll_ctl(poll_, EPOLL_CTL_ADD, c->socket, &wanted);
    connections_.push_back(std::move(c));
  }

  void run(double length) {
    const auto from = Wall::now() + seconds(kWarmUpSeconds);
    const auto until = from + seconds(length);
    for (const auto& c : connections_) ask(*c);
    std::vector<double> ms;
    ms.reserve(1 << 20);
    epoll_event ready[64];
    for (auto now = Wall::now(); now < until; now = Wall::now()) {
      const int count = epoll_wait(poll_, ready, 64, 1000);
      for (int i = 0; i < count; ++i) {
        Connection& c = *connections_[ready[i].data.u64];
        if (!receive(c)) continue;
        now = Wall::now();
        if (now >= from && now < until) ms.push_back(ms_between(c.sent, now));
        ask(c);
      }
    }
    print({{"per_s", static_cast<double>(ms.size()) / length},
           {"p50_ms", percentile(ms, 0.5)},
           {"p99_ms", percentile(ms, 0.99)}});
  }

 private:
  void ask(Connection& c) {
    const std::string& request = requests_[number_++ % requests_.size()];
    c.reply.clear();
    c.sent = Wall::now();
    if (write(c.socket, request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
      die("the server takes no request");
    }
  }

  // Whether a whole answer is there now.
  bool receive(Connection& c) {
    char part[4096];
    const ssize_t n = read(c.socket, part, sizeof part);
    if (n < 0 && errno == EAGAIN) return false;
    if (n <= 0) die("the server closed a connection; its last words: " + c.reply);
    c.reply.append(part, static_cast<std::size_t>(n));
    if (c.reply.size() > kMostReply) die("an answer is too long: " + c.reply.substr(0, 1000));
    if (!whole(c.reply)) return false;
    if (!c.reply.starts_with("HTTP/1.1 200") || c.reply.find(wanted_) == std::string::npos) {
      die("this is no answer with " + wanted_ + ": " + c.reply);
    }
    return true;
  }

  std::string host_;
  std::string wanted_;
  addrinfo* address_ = nullptr;
  int poll_;
  std::size_t number_ = 0;
  std::vector<std::string> requests_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  if (argc != 8) {
    writ::bench::die("usage: http_load HOST PORT TARGET BODIES WANTED CONNECTIONS SECONDS");
  }
  signal(SIGPIPE, SIG_IGN);
  writ::bench::Load load(argv[1], argv[2], argv[3], argv[4], argv[5]);
  const int connections = std::atoi(argv[6]);
  for (int i = 0; i < connections; ++i) load.open(static_cast<std::size_t>(i));
  load.run(std::atof(argv[7]));
  return 0;
}
