// Measures decisions over HTTPS: CONNECTIONS kept connections with a door's certificate, each with
// one POST /access/v1/evaluation under way at any time (HTTP/1.1), or STREAMS of them (HTTP/2),
// against a server that runs. Prints one JSON object of figures.
//
//   https_load HOST PORT DOOR_HOME FOLDER CONNECTIONS SECONDS [STREAMS]
//
// FOLDER is what `door_load prepare` wrote: who asks, and for which entitlements. Deliberately
// light, because it shares the cores with the server: one thread, one epoll, requests made
// beforehand but for their number, and of HTTP/2 what it needs and no more: frames are cut out by
// their length, an answer is good when its header block begins with ":status 200" and its DATA says
// that it is allowed, and what a connection asks next leaves in one write.
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <functional>
#include <memory>

#include "access.h"
#include "base/file.h"
#include "cmd/home.h"
#include "figures.h"

namespace writ::bench {
namespace {

constexpr double kWarmUpSeconds = 1;

// A request as it is sent, but for its number, which has always as many digits.
struct Question {
  std::string head;  // of HTTP/1.1
  std::string body;
  std::size_t number_at = 0;  // in the body
};

using Ssl = std::unique_ptr<SSL, decltype([](SSL* ssl) { SSL_free(ssl); })>;

std::string u32(std::size_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((number >> shift) & 255);
  return bytes;
}

// One connection; `ask` and `take` are called in turn. Both speak TLS through SSL_read and
// SSL_write.
class Connection {
 public:
  explicit Connection(Ssl ssl) : ssl_(std::move(ssl)) {}
  virtual ~Connection() = default;
  // Puts one question into what `flush` sends.
  virtual void ask(const Question& question, Wall::time_point now) = 0;
  // Calls `answered(sent)` for each answer that is there now.
  virtual void take(const std::function<void(Wall::time_point sent)>& answered) = 0;

  void flush() {
    if (out_.empty()) return;
    if (SSL_write(ssl_.get(), out_.data(), static_cast<int>(out_.size())) <= 0) {
      die("the server takes no request");
    }
    out_.clear();
  }

 protected:
  // Appends what the socket has. False: nothing.
  bool read() {
    char part[16 * 1024];
    const int n = SSL_read(ssl_.get(), part, sizeof part);
    if (n > 0) {
      in_.append(part, static_cast<std::size_t>(n));
      return true;
    }
    if (SSL_get_error(ssl_.get(), n) == SSL_ERROR_WANT_READ) return false;
    die("the server closed a connection; its last words: " + in_);
  }
  bool has_pending() const { return SSL_has_pending(ssl_.get()) == 1; }
  static void check(std::string_view body) {
    if (body.find("\"decision\":true") == body.npos) {
      die("this should have been allowed: " + std::string(body));
    }
  }

  std::string in_, out_;

 private:
  Ssl ssl_;
};

// HTTP/1.1, one question at a time.
class OneByOne final : public Connection {
 public:
  using Connection::Connection;

  void ask(const Question& question, Wall::time_point now) override {
    out_.append(question.head).append(question.body);
    sent_ = now;
  }

  void take(const std::function<void(Wall::time_point sent)>& answered) override {
    do {
      if (!read()) return;
      const std::size_t head = in_.find("\r\n\r\n");
      if (head == in_.npos) continue;
      if (!in_.starts_with("HTTP/1.1 200")) die(in_);
      constexpr std::string_view kLength = "Content-Length: ";
      const std::size_t at = in_.find(kLength);
      if (at > head) die(in_);
      const std::size_t size = std::strtoul(in_.c_str() + at + kLength.size(), nullptr, 10);
      if (in_.size() < head + 4 + size) continue;
      check(std::string_view(in_).substr(head));
      in_.clear();
      answered(sent_);
    } while (has_pending());
  }

 private:
  Wall::time_point sent_;
};

// HTTP/2 (RFC 9113), as much of it as a well-behaved server needs.
class Multiplexed final : public Connection {
 public:
  Multiplexed(Ssl ssl, const std::string& host) : Connection(std::move(ssl)) {
    // Windows that no answer fills: SETTINGS_INITIAL_WINDOW_SIZE, and the connection's.
    constexpr std::size_t kMost = 0x7fffffff;
    out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    put_frame(kSettings, 0, 0, std::string("\0\4", 2) + u32(kMost));
    put_frame(kWindowUpdate, 0, 0, u32(kMost - 65535));
    // The first header block puts path, authority and content type into the dynamic table (RFC 7541
    // section 6.2.1), from where the others take them.
    const auto literal = [](char name, std::string_view value) {
      return std::string{static_cast<char>(0x40 | name), static_cast<char>(value.size())} +
             std::string(value);
    };
    block_ = "\x83\x87" + literal(4, "/access/v1/evaluation") + literal(1, host) +
             literal(31, "application/json");
  }

  void ask(const Question& question, Wall::time_point now) override {
    const std::string length = std::to_string(question.body.size());
    put_frame(kHeaders, kEndHeaders, next_,
              block_ + std::string{0x0f, 0x0d, static_cast<char>(length.size())} + length);
    block_ = "\x83\x87\xc0\xbf\xbe";
    put_frame(kData, kEndStream, next_, question.body);
    asked_[slot(next_)] = {next_, now};
    next_ += 2;
  }

  void take(const std::function<void(Wall::time_point sent)>& answered) override {
    do {
      if (!read()) return;
      std::string_view rest = in_;
      while (rest.size() >= kHead) {
        const std::size_t size = number(rest, 0, 3);
        if (rest.size() < kHead + size) break;
        const auto type = static_cast<unsigned char>(rest[3]);
        const auto flags = static_cast<unsigned char>(rest[4]);
        const std::size_t stream = number(rest, 5, 4);
        const std::string_view payload = rest.substr(kHead, size);
        rest.remove_prefix(kHead + size);
        if (type == kHeaders && !payload.starts_with('\x88')) die("an answer is not 200");
        if (type == kReset || type == kGoAway) die("the server gives up: " + std::string(payload));
        if (type == kSettings && flags == 0) put_frame(kSettings, 1, 0, {});
        if (type != kData || (flags & kEndStream) == 0) continue;
        check(payload);
        const auto& [asked, sent] = asked_[slot(stream)];
        if (asked != stream) die("an answer to another question");
        answered(sent);
      }
      in_.erase(0, in_.size() - rest.size());
    } while (has_pending());
  }

 private:
  static constexpr std::size_t kHead = 9, kSlots = 256;
  static constexpr unsigned char kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kGoAway = 7,
                                 kWindowUpdate = 8;
  static constexpr char kEndStream = 1, kEndHeaders = 4;

  static std::size_t slot(std::size_t stream) { return stream / 2 % kSlots; }
  static std::size_t number(std::string_view bytes, std::size_t at, std::size_t size) {
    std::size_t value = 0;
    for (const char c : bytes.substr(at, size)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  void put_frame(unsigned char type, char flags, std::size_t stream, std::string_view payload) {
    out_.append(u32(payload.size()), 1, 3);
    out_ += static_cast<char>(type);
    out_ += flags;
    out_.append(u32(stream)).append(payload);
  }

  std::string block_;
  std::size_t next_ = 1;
  std::array<std::pair<std::size_t, Wall::time_point>, kSlots> asked_;
};

class Load {
 public:
  // `streams`: 0 for HTTP/1.1.
  Load(const std::string& host, const std::string& port, const std::string& home,
       const std::string& folder, std::size_t streams)
      : host_(host), streams_(streams), access_(read_access(folder)) {
    auto opened = cmd::Home::open(home);
    if (!opened) die(opened.error().text());
    const auto key = opened->key();
    if (!key) die(key.error().text());
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256");  // what a door and Writ agree on
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_read_ahead(context_, 1);  // what the socket has is one system call
    if (streams > 0) {
      SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>("\2h2"), 3);
    }
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
    for (const GrantLine& grant : access_.grants) questions_.push_back(question_for(grant));
  }

  void open(std::size_t number) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(socket, address_->ai_addr, address_->ai_addrlen) != 0) die("no connection");
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Ssl ssl(SSL_new(context_));
    SSL_set_fd(ssl.get(), socket);
    if (SSL_connect(ssl.get()) != 1) die("the server refuses the TLS connection");
    fcntl(socket, F_SETFL, O_NONBLOCK);
    // Of one answer at a time a read takes all there is; of many, some may stay for the next round.
    const std::uint32_t how = streams_ > 0 ? EPOLLIN : EPOLLIN | EPOLLET;
    epoll_event wanted{.events = how, .data = {.u64 = number}};
    epoll_ctl(poll_, EPOLL_CTL_ADD, socket, &wanted);
    if (streams_ > 0) {
      connections_.push_back(std::make_unique<Multiplexed>(std::move(ssl), host_));
    } else {
      connections_.push_back(std::make_unique<OneByOne>(std::move(ssl)));
    }
  }

  void run(double seconds) {
    const auto after = [](Wall::time_point from, double s) {
      return from + std::chrono::duration_cast<Wall::duration>(std::chrono::duration<double>(s));
    };
    const auto begin = Wall::now();
    const auto from = after(begin, kWarmUpSeconds);
    const auto until = after(from, seconds);
    std::vector<double> ms;
    ms.reserve(1 << 21);
    double all = 0;  // the warm-up's, too
    auto now = begin;
    for (const auto& c : connections_) {
      for (std::size_t i = 0; i < std::max<std::size_t>(streams_, 1); ++i) ask(*c, now);
      c->flush();
    }
    epoll_event ready[64];
    while (now < until) {
      const int count = epoll_wait(poll_, ready, 64, 1000);
      for (int i = 0; i < count; ++i) {
        Connection& c = *connections_[ready[i].data.u64];
        now = Wall::now();
        c.take([&](Wall::time_point sent) {
          ++all;
          if (now >= from && now < until) ms.push_back(ms_between(sent, now));
          ask(c, now);
        });
        c.flush();
      }
      now = Wall::now();
    }
    const double per_s = static_cast<double>(ms.size()) / seconds;
    if (streams_ > 0) {
      print({{"h2_decisions_per_s", per_s},
             {"h2_decisions", all},
             {"h2_p50_ms", percentile(ms, 0.5)},
             {"h2_p99_ms", percentile(ms, 0.99)}});
    } else {
      print({{"https_decisions_per_s", per_s},
             {"https_decisions", all},
             {"https_p50_ms", percentile(ms, 0.5)},
             {"https_p99_ms", percentile(ms, 0.99)}});
    }
  }

 private:
  Question question_for(const GrantLine& grant) const {
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
    return {head, body, before.size()};
  }

  void ask(Connection& c, Wall::time_point now) {
    Question& question = questions_[number_ % questions_.size()];
    ++number_;
    char* const digits = question.body.data() + question.number_at;
    std::to_chars(digits, digits + kDigits, kFirst + static_cast<std::int64_t>(number_));
    c.ask(question, now);
  }

  // Above whatever the door itself has counted to, and above an earlier run's.
  const std::int64_t kFirst =
      1'000'000'000'000 + std::chrono::duration_cast<std::chrono::milliseconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                                  .count() %
                              8'000'000'000 * 1000;
  static constexpr std::size_t kDigits = 13;

  std::string host_;
  std::size_t streams_;
  Access access_;
  SSL_CTX* context_ = nullptr;
  addrinfo* address_ = nullptr;
  int poll_ = -1;
  std::size_t number_ = 0;
  std::vector<Question> questions_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  if (argc != 7 && argc != 8) {
    writ::bench::die("https_load HOST PORT DOOR_HOME FOLDER CONNECTIONS SECONDS [STREAMS]");
  }
  signal(SIGPIPE, SIG_IGN);
  const auto streams = static_cast<std::size_t>(argc == 8 ? std::atoi(argv[7]) : 0);
  if (streams > 100) writ::bench::die("a connection has at most 100 streams");
  writ::bench::Load load(argv[1], argv[2], argv[3], argv[4], streams);
  const int connections = std::atoi(argv[5]);
  for (int i = 0; i < connections; ++i) load.open(static_cast<std::size_t>(i));
  load.run(std::atof(argv[6]));
  return 0;
}
