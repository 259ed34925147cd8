#include "net/message_reader.h"

#include <gtest/gtest.h>

namespace writ::net {
namespace {

using Found = MessageReader::Found;

constexpr std::string_view kGet = "GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-One: 1\r\n\r\n";
constexpr std::string_view kPost = "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";

MessageReader requests() {
  return MessageReader(MessageKind::kRequest, 1024);
}

TEST(MessageReader, TakesPipelinedRequestsOneByOne) {
  MessageReader reader = requests();
  std::string input = std::string(kGet).append(kPost).append(kGet);
  ASSERT_EQ(reader.feed(input), Found::kHead);
  EXPECT_EQ(reader.method(input), "GET");
  EXPECT_EQ(reader.target(input), "/a?b=c");
  EXPECT_TRUE(reader.keep_alive());
  EXPECT_EQ(reader.feed(input), Found::kMessage);
  EXPECT_EQ(reader.body(input), "");
  reader.next(input);
  ASSERT_EQ(reader.feed(input), Found::kHead);
  reader.limit_body(5);
  ASSERT_EQ(reader.feed(input), Found::kMessage);
  EXPECT_EQ(reader.body(input), "hello");
  reader.next(input);
  EXPECT_EQ(input, kGet);
}

TEST(MessageReader, ReadsTheSameByteByByte) {
  MessageReader reader = requests();
  std::string input;
  int heads = 0;
  Found found = Found::kMore;
  for (const char c : kPost) {
    ASSERT_EQ(found, Found::kMore);
    input.push_back(c);
    found = reader.feed(input);
    if (found == Found::kHead) {
      ++heads;
      reader.limit_body(100);
      found = reader.feed(input);
    }
  }
  EXPECT_EQ(heads, 1);
  ASSERT_EQ(found, Found::kMessage);
  EXPECT_EQ(reader.method(input), "POST");
  EXPECT_EQ(reader.body(input), "hello");
}

TEST(MessageReader, ReadsTheSameSplitAnywhere) {
  for (std::size_t split = 1; split < kGet.size(); ++split) {
    MessageReader reader = requests();
    std::string input(kGet.substr(0, split));
    ASSERT_EQ(reader.feed(input), Found::kMore) << split;
    input.append(kGet.substr(split));
    ASSERT_EQ(reader.feed(input), Found::kHead) << split;
    EXPECT_EQ(reader.target(input), "/a?b=c");
    std::vector<std::pair<std::string_view, std::string_view>> headers;
    reader.headers(input, headers);
    ASSERT_EQ(headers.size(), 2u);
    EXPECT_EQ(headers[1].second, "1");
    ASSERT_EQ(reader.feed(input), Found::kMessage);
    reader.next(input);
    EXPECT_EQ(input, "");
  }
}

TEST(MessageReader, UndoesChunks) {
  MessageReader reader = requests();
  const std::string message =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
  std::string input;
  Found found = Found::kMore;
  for (const char c : message + "G") {
    if (found == Found::kMessage) {
      input.push_back(c);
      break;
    }
    input.push_back(c);
    found = reader.feed(input);
    if (found == Found::kHead) {
      reader.limit_body(5);
      found = reader.feed(input);
    }
    ASSERT_NE(found, Found::kBad) << reader.bad_message();
  }
  ASSERT_EQ(found, Found::kMessage);
  EXPECT_EQ(reader.body(input), "abcde");
  reader.next(input);
  EXPECT_EQ(input, "G");
}

TEST(MessageReader, TrailersAreNoHeaders) {
  MessageReader reader = requests();
  std::string input =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\n0\r\nHost: y\r\nT: v\r\n\r\n";
  ASSERT_EQ(reader.feed(input), Found::kHead);
  reader.limit_body(5);
  ASSERT_EQ(reader.feed(input), Found::kMessage);
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  reader.headers(input, headers);
  EXPECT_EQ(headers.size(), 2u);
  EXPECT_EQ(reader.body(input), "a");
}

TEST(MessageReader, LimitsBodiesOfBothKinds) {
  for (const std::string_view message :
       {std::string_view("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabcdef"),
        std::string_view("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "6\r\nabcdef\r\n0\r\n\r\n"),
        std::string_view(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n")}) {
    MessageReader reader = requests();
    std::string input(message);
    Found found = reader.feed(input);
    if (found == Found::kHead) {
      reader.limit_body(5);
      found = reader.feed(input);
    }
    ASSERT_EQ(found, Found::kBad) << message;
    EXPECT_EQ(reader.bad_status(), 413);
  }
}

TEST(MessageReader, LimitsHeads) {
  MessageReader reader = requests();
  std::string input = "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(2000, 'a');
  ASSERT_EQ(reader.feed(input), Found::kBad);
  EXPECT_EQ(reader.bad_status(), 431);

  MessageReader many = MessageReader(MessageKind::kRequest, 16 * 1024);
  std::string headers = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 64; ++i) headers += "A: b\r\n";
  headers += "\r\n";
  ASSERT_EQ(many.feed(headers), Found::kBad);
  EXPECT_EQ(many.bad_status(), 431);
}

TEST(MessageReader, RefusesWhatCouldBeReadInTwoWays) {
  for (const std::string_view head :
       {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1\r\na\r\n0\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\r\n\r\n"}) {
    MessageReader reader = requests();
    std::string input(head);
    EXPECT_EQ(reader.feed(input), Found::kBad) << head;
    EXPECT_EQ(reader.bad_status(), 400) << head;
  }
  for (const std::string coding :
       {"identity", "gzip", "xchunked", "chunked, gzip", "gzip, chunked", "chunked, chunked"}) {
    MessageReader reader = requests();
    std::string input =
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + coding + "\r\n\r\n0\r\n\r\n";
    EXPECT_EQ(reader.feed(input), Found::kBad) << coding;
  }
  MessageReader reader = requests();
  std::string input = "GET / HTTP/1.0\r\nHost: x\r\n\r\n";
  ASSERT_EQ(reader.feed(input), Found::kBad);
  EXPECT_EQ(reader.bad_status(), 505);
}

// RFC 9112 section 3.2.2: a server takes them although only proxies are sent them.
TEST(MessageReader, TakesTargetsInAbsoluteForm) {
  const auto target_of = [](const std::string& target) {
    const std::string whole = "GET " + target + " HTTP/1.1\r\nHost: other\r\n\r\n";
    std::string found;
    for (std::size_t split = 1; split < whole.size(); ++split) {
      MessageReader reader = requests();
      std::string input = whole.substr(0, split);
      if (reader.feed(input) == Found::kMore) input.append(whole, split);
      const Found head = reader.feed(input);
      const std::string got = head == Found::kHead ? std::string(reader.target(input)) : "refused";
      if (split > 1) {
        EXPECT_EQ(got, found) << whole << split;
      }
      found = got;
    }
    return found;
  };
  EXPECT_EQ(target_of("https://name/path?query"), "/path?query");
  EXPECT_EQ(target_of("HTTPS://name:8443/a/b"), "/a/b");
  EXPECT_EQ(target_of("hTTpS://[::1]:8443/"), "/");
  EXPECT_EQ(target_of("https://name"), "");
  EXPECT_EQ(target_of("https://name?a=b/c"), "?a=b/c");
  EXPECT_EQ(target_of("https://name//a"), "//a");
  for (const char* bad : {"http://name/path", "https://", "https:///path", "https://?a",
                          "https://:443/", "https://user@name/", "https:/name/path", "https:name",
                          "ftp://name/path", "https//name/path", "name:443", "https://na#me/",
                          "https://na\"me/", "*", "https://name\\x/"}) {
    EXPECT_EQ(target_of(bad), "refused") << bad;
  }
}

TEST(MessageReader, SeesUpgradesAndContinues) {
  MessageReader reader = requests();
  std::string input =
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: p/1\r\n\r\n";
  ASSERT_EQ(reader.feed(input), Found::kHead);
  EXPECT_EQ(reader.upgrade(input), "p/1");
  MessageReader other = requests();
  input =
      "POST / HTTP/1.1\r\nHost: x\r\nUpgrade: p/1\r\nExpect: 100-continue\r\n"
      "Content-Length: 3\r\n\r\n";
  ASSERT_EQ(other.feed(input), Found::kHead);
  EXPECT_EQ(other.upgrade(input), "");
  EXPECT_TRUE(other.wants_continue());
}

TEST(MessageReader, ReadsReplies) {
  MessageReader reader(MessageKind::kReply, 1024);
  std::string input =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n"
      "Connection: close\r\n\r\nno";
  ASSERT_EQ(reader.feed(input), Found::kHead);
  EXPECT_EQ(reader.status(), 100);
  ASSERT_EQ(reader.feed(input), Found::kMessage);
  reader.next(input);
  ASSERT_EQ(reader.feed(input), Found::kHead);
  reader.limit_body(10);
  ASSERT_EQ(reader.feed(input), Found::kMessage);
  EXPECT_EQ(reader.status(), 404);
  EXPECT_EQ(reader.body(input), "no");
  EXPECT_FALSE(reader.keep_alive());
  MessageReader to_head(MessageKind::kReply, 1024);
  to_head.reply_to("HEAD");
  input = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\n";
  ASSERT_EQ(to_head.feed(input), Found::kHead);
  ASSERT_EQ(to_head.feed(input), Found::kMessage);
  EXPECT_EQ(to_head.body(input), "");
  EXPECT_TRUE(to_head.keep_alive());
  to_head.next(input);
  EXPECT_EQ(input, "HTTP/1.1 200 OK\r\n");
  MessageReader endless(MessageKind::kReply, 1024);
  input = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
  EXPECT_EQ(endless.feed(input), Found::kBad);
}

}  // namespace
}  // namespace writ::net
