// What is malformed, too large or too slow gets one clear answer, or none, and never stays.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "door/postgres/checkpoints.h"
#include "door/postgres/stream.h"
#include "door/postgres/wire.h"
#include "door/postgres/world_for_test.h"
#include "tlog/checkpoint.h"
#include "tlog/tree.h"

namespace writ::door::postgres {
namespace {

using std::chrono::minutes;
using ::testing::HasSubstr;

class DoorInputTest : public World {
 protected:
  int dial() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(door->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{20, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  // Everything until the door ends the connection.
  static std::string rest_of(int socket) {
    std::string all;
    char bytes[4096];
    ssize_t n = 0;
    while ((n = ::recv(socket, bytes, sizeof bytes, 0)) > 0) {
      all.append(bytes, static_cast<std::size_t>(n));
    }
    EXPECT_TRUE(n == 0 || errno == ECONNRESET) << "the door kept the connection";
    ::close(socket);
    return all;
  }
  // In clear.
  std::string answer_to(const std::string& bytes) const {
    const int socket = dial();
    ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return rest_of(socket);
  }
  // In TLS, with alice's certificate.
  std::string answer_in_tls_to(const std::string& bytes) const {
    Process client({"openssl", "s_client", "-quiet", "-starttls", "postgres", "-connect",
                    "127.0.0.1:" + std::to_string(door->port()), "-cert", folder + "/alice.crt",
                    "-key", folder + "/alice.key", "-CAfile", folder + "/roots.pem"});
    client.type(bytes);
    client.wait();
    return client.output();
  }
  static std::string packet(std::uint32_t length, std::uint32_t code, std::string_view body = {}) {
    std::string out;
    put_u32(out, length);
    put_u32(out, code);
    return out + std::string(body);
  }
};

TEST_F(DoorInputTest, AnswersMalformedPacketsWithOneError) {
  open_door();
  EXPECT_THAT(answer_to(packet(4, kVersion30)), HasSubstr("invalid length of startup packet"));
  EXPECT_THAT(answer_to(packet(10'001, kVersion30)), HasSubstr("invalid length of startup packet"));
  EXPECT_THAT(answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("invalid length"));
  EXPECT_THAT(answer_to(packet(100, 2u << 16)), HasSubstr("unsupported frontend protocol 2.0"));
  EXPECT_THAT(answer_to(packet(100, 1234)), HasSubstr("unsupported frontend protocol"));
  EXPECT_THAT(answer_to(packet(100, kVersion30)), HasSubstr("encrypted connections only"));
  EXPECT_EQ(answer_to(packet(8, kGssCode) + packet(8, kGssCode) + packet(8, kGssCode)).substr(0, 2),
            "NN");
  EXPECT_EQ(answer_to(packet(16, kCancelCode, "12345678")), "");
  EXPECT_EQ(answer_to(packet(8, kCancelCode)), "");

  EXPECT_THAT(answer_in_tls_to(packet(3, kVersion30)), HasSubstr("invalid length"));
  EXPECT_THAT(answer_in_tls_to(packet(8, kSslCode)), HasSubstr("encrypted already"));
  EXPECT_THAT(answer_in_tls_to(packet(12, kVersion30, "user")),
              HasSubstr("invalid startup packet"));
  EXPECT_THAT(answer_in_tls_to(startup_message({{"user", "x"}, {"replication", "true"}})),
              HasSubstr("replication connections do not pass"));
  EXPECT_THAT(answer_in_tls_to(startup_message({{"user", "x"}})),
              HasSubstr("must be an entitlement"));
  EXPECT_TRUE(server.questions.empty());
  EXPECT_TRUE(eventually([&] { return door->counts().connections == 0; }));
}

TEST_F(DoorInputTest, DropsClientsThatSendNothingOrTooSlowly) {
  DoorConfig config = door_config();
  config.limits.handshake_time = Millis(300);
  open_door(std::move(config));
  const int silent = dial();
  const int half = dial();
  ::send(half, "\0\0", 2, 0);
  const int stuck = dial();  // in the middle of TLS
  ::send(stuck, ssl_request().data(), kPacketHead, 0);
  EXPECT_EQ(rest_of(silent), "");
  EXPECT_EQ(rest_of(half), "");
  EXPECT_EQ(rest_of(stuck), "S");
  EXPECT_EQ(door->counts().connections, 0u);
}

TEST_F(DoorInputTest, TakesDirectTlsOnlyWithTheRightProtocolName) {
  give(kReader, "grt_direct", minutes(5));
  open_door();
  const auto said_to = [&](const std::vector<std::string>& more) {
    std::vector<std::string> argv{"openssl",
                                  "s_client",
                                  "-quiet",
                                  "-connect",
                                  "127.0.0.1:" + std::to_string(door->port()),
                                  "-cert",
                                  folder + "/alice.crt",
                                  "-key",
                                  folder + "/alice.key"};
    argv.insert(argv.end(), more.begin(), more.end());
    Process client(argv);
    client.type(startup_message({{"user", "x"}, {"database", kReader}}) + message('X', ""));
    client.wait();
    return client.output();
  };
  EXPECT_THAT(said_to({"-alpn", "postgresql"}), HasSubstr("server_version"));
  EXPECT_THAT(said_to({}), HasSubstr("direct TLS needs the ALPN protocol"));
  EXPECT_THAT(said_to({"-alpn", "http/1.1"}), HasSubstr("alert"));
}

TEST_F(DoorInputTest, NegotiatesDownFromNewerProtocols) {
  give(kReader, "grt_newer", minutes(5));
  open_door();
  std::string packet = startup_message({{"user", "x"}, {"database", kReader}, {"_pq_.new", "1"}});
  packet[7] = 77;  // 3.77
  const std::string said = answer_in_tls_to(packet + message('X', ""));
  EXPECT_THAT(said, HasSubstr(from_hex("00030002000000015f70715f2e6e6577").value()));
  EXPECT_THAT(said, HasSubstr("server_version"));
  // The key of 3.2 is longer than that of 3.0.
  EXPECT_THAT(said, HasSubstr(std::string("K\0\0\0\x28", 5)));
}

// A log of `size` entries, signed.
class Heads : public World {
 protected:
  std::string note(std::uint64_t size, const std::string& salt = "") {
    tlog::Frontier tree;
    for (std::uint64_t i = 0; i < size; ++i) {
      tree.append(tlog::leaf_hash(std::to_string(i) + salt));
    }
    return *tlog::sign_checkpoint({.origin = "test/log", .head = tree.head()}, signer);
  }
  void show(std::uint64_t size, const std::string& salt = "") {
    server.checkpoint =
        Json::object({{"journal", note(size, salt)}, {"decisions", note(size, salt)}});
  }

  crypto::PrivateKey log_key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
  tlog::NoteSigner signer = *tlog::NoteSigner::over("test/log", log_key);
};

TEST_F(Heads, LetNobodyInWhenTheServerHasForgotten) {
  give(kReader, "grt_heads", minutes(5));
  show(7);
  open_door();
  EXPECT_EQ(ask(connect().get(), "SELECT 1"), "1");
  door.reset();
  show(6);
  auto started = Door::start(door_config(), clock, random);
  ASSERT_TRUE(started);
  door = std::move(*started);
  const std::size_t hellos = server.hellos.size();
  ASSERT_TRUE(server.wait([&] { return server.hellos.size() >= hellos + 2; }));
  EXPECT_FALSE(door->counts().open);
  EXPECT_EQ(ServerForTest::text(*server.hellos.back().find("checkpoint"), "journal"), note(7));
}

TEST_F(Heads, AreProvenWhereTheLogsKeysAreKnown) {
  const std::string state = folder + "/heads";
  ASSERT_TRUE(make_folder(state));
  const std::vector<std::string> keys{tlog::verifier_key_text(signer.verifier())};
  auto heads = RememberedHeads::open(state, keys);
  ASSERT_TRUE(heads) << heads.error().text();
  Welcome welcome;
  EXPECT_EQ(heads->accept(welcome).error().code, Code::kCorrupt);  // no checkpoint at all
  welcome.checkpoint = {note(1), note(1)};
  EXPECT_TRUE(heads->accept(welcome));
  welcome.checkpoint = {note(2), note(2)};
  EXPECT_EQ(heads->accept(welcome).error().code, Code::kCorrupt);  // no proof
  const std::vector<Hash> proof{tlog::leaf_hash("1")};
  welcome.journal_proof = welcome.decisions_proof = proof;
  EXPECT_TRUE(heads->accept(welcome));
  EXPECT_EQ(RememberedHeads::open(state, keys)->notes().journal, note(2));
  welcome.journal_proof.clear();
  welcome.decisions_proof.clear();
  EXPECT_TRUE(heads->accept(welcome));  // no growth, nothing to prove
  welcome.checkpoint.decisions = note(2, "rewritten");
  EXPECT_THAT(heads->accept(welcome).error().message, HasSubstr("rewritten"));
  const auto other_key = *crypto::PrivateKey::generate(crypto::KeyKind::kEd25519);
  const auto other = *tlog::NoteSigner::over("test/log", other_key);
  welcome.checkpoint = {*tlog::sign_checkpoint({.origin = "test/log"}, other), note(2)};
  EXPECT_EQ(heads->accept(welcome).error().code, Code::kUnauthenticated);
}

}  // namespace
}  // namespace writ::door::postgres
