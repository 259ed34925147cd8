#include "door/postgres/wire.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace writ::door::postgres {
namespace {

std::string head(std::uint32_t length, std::uint32_t code) {
  std::string out;
  put_u32(out, length);
  put_u32(out, code);
  return out;
}

std::string settings(std::initializer_list<std::string_view> texts) {
  std::string out;
  for (const std::string_view text : texts) {
    out += text;
    out.push_back('\0');
  }
  out.push_back('\0');
  return out;
}

TEST(PacketHead, TellsTheFourKindsApart) {
  EXPECT_EQ(parse_packet_head(head(8, kSslCode))->kind, PacketKind::kSsl);
  EXPECT_EQ(parse_packet_head(head(8, kGssCode))->kind, PacketKind::kGss);
  EXPECT_EQ(parse_packet_head(head(16, kCancelCode))->kind, PacketKind::kCancel);
  const auto startup = parse_packet_head(head(100, kVersion30));
  EXPECT_EQ(startup->kind, PacketKind::kStartup);
  EXPECT_EQ(startup->version, kVersion30);
  EXPECT_EQ(startup->length, 100u);
}

TEST(PacketHead, RefusesLengthsAndVersionsThatCannotBe) {
  EXPECT_FALSE(parse_packet_head(head(7, kVersion30)));
  EXPECT_FALSE(parse_packet_head(head(0, kVersion30)));
  EXPECT_FALSE(parse_packet_head(head(10'001, kVersion30)));
  EXPECT_TRUE(parse_packet_head(head(10'000, kVersion30)));
  EXPECT_FALSE(parse_packet_head(head(9, kSslCode)));
  EXPECT_FALSE(parse_packet_head(head(100, 2u << 16)));
  EXPECT_FALSE(parse_packet_head(head(100, 4u << 16)));
  EXPECT_FALSE(parse_packet_head("short"));
}

TEST(StartupPacket, HoldsDatabaseUserAndTheOtherSettings) {
  const auto startup =
      parse_startup(kVersion30, settings({"user", "ann", "database", "pg-main/orders/reader",
                                          "application_name", "psql", "replication", "off"}));
  ASSERT_TRUE(startup) << startup.error().text();
  EXPECT_EQ(startup->user, "ann");
  EXPECT_EQ(startup->database, "pg-main/orders/reader");
  ASSERT_EQ(startup->settings.size(), 1u);
  EXPECT_EQ(startup->settings[0].second, "psql");
  EXPECT_EQ(startup->version, kVersion30);
  EXPECT_FALSE(startup->negotiate);
}

TEST(StartupPacket, NegotiatesWhatItDoesNotSpeak) {
  const auto newer = parse_startup((3u << 16) | 9999, settings({"_pq_.magic", "on"}));
  ASSERT_TRUE(newer);
  EXPECT_EQ(newer->version, kVersion32);
  EXPECT_TRUE(newer->negotiate);
  EXPECT_EQ(to_hex(negotiate_version(*newer)), "760000001700030002000000015f70715f2e6d6167696300");
  const auto never = parse_startup((3u << 16) | 1, settings({}));
  EXPECT_EQ(never->version, kVersion30);
  EXPECT_TRUE(never->negotiate);
  EXPECT_FALSE(parse_startup(kVersion32, settings({}))->negotiate);
}

TEST(StartupPacket, RefusesWhatIsMalformed) {
  EXPECT_FALSE(parse_startup(kVersion30, ""));
  EXPECT_FALSE(parse_startup(kVersion30, std::string("user\0ann", 8)));
  EXPECT_FALSE(parse_startup(kVersion30, std::string("user\0ann\0", 9)));
  EXPECT_FALSE(parse_startup(kVersion30, std::string("user\0", 5)));
  EXPECT_FALSE(parse_startup(kVersion30, settings({"user", "a", "user", "b"})));
  EXPECT_FALSE(parse_startup(kVersion30, settings({"user", "a"}) + "x"));
  EXPECT_FALSE(parse_startup(kVersion30, settings({"user", "\xff"})));
  EXPECT_FALSE(parse_startup(kVersion30, settings({"replication", "database"})));
}

TEST(CancelPacket, TakesKeysOfBothVersions) {
  const auto key = parse_cancel(from_hex("00000007aabbccdd").value());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->id, 7u);
  EXPECT_EQ(to_hex(key->secret), "aabbccdd");
  EXPECT_EQ(parse_cancel(std::string(4, '\7') + std::string(256, 'k'))->secret.size(), 256u);
  EXPECT_FALSE(parse_cancel(std::string(4, '\7') + std::string(257, 'k')));
  EXPECT_FALSE(parse_cancel("1234567"));
  EXPECT_EQ(parse_cancel(cancel_request(*key).substr(8))->secret, key->secret);
}

TEST(ErrorResponse, CarriesAllFieldsAndNoStrayNul) {
  const std::string text = fatal({"28000", std::string("a\0b", 3), "why", "what next"});
  const auto parsed = next_message(text, 1000);
  ASSERT_TRUE(parsed && parsed->has_value());
  EXPECT_EQ((*parsed)->type, 'E');
  EXPECT_EQ((*parsed)->body,
            std::string_view("SFATAL\0VFATAL\0C28000\0Ma b\0Dwhy\0Hwhat next\0\0", 43));
  EXPECT_EQ(parse_error((*parsed)->body).sqlstate, "28000");
}

TEST(Messages, AreTakenOnlyWhole) {
  const std::string two = message('A', "xyz") + message('B', "");
  EXPECT_FALSE(next_message(two.substr(0, 4), 100)->has_value());
  EXPECT_FALSE(next_message(two.substr(0, 7), 100)->has_value());
  EXPECT_EQ((*next_message(two, 100))->body, "xyz");
  EXPECT_FALSE(next_message(two, 6));
  EXPECT_FALSE(next_message(from_hex("4100000003").value(), 100));
}

// However the stream is cut into pieces, the boundary is known after each.
TEST(Boundary, IsFoundInAnyPieces) {
  const std::string stream =
      message('D', std::string(300, 'x')) + message('C', "") + message('Z', "I");
  const std::vector<std::size_t> ends = {0, 305, 310, 316};
  for (std::size_t piece = 1; piece < 20; ++piece) {
    Boundary boundary;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = std::min(piece, stream.size() - at);
      boundary.feed(std::string_view(stream).substr(at, size));
      at += size;
      const bool is_end = std::find(ends.begin(), ends.end(), at) != ends.end();
      EXPECT_EQ(boundary.at_boundary(), is_end) << at << " in pieces of " << piece;
    }
  }
}

TEST(Boundary, IsLostForGoodAfterALengthThatCannotBe) {
  Boundary boundary;
  boundary.feed(from_hex("4100000003").value());
  EXPECT_FALSE(boundary.at_boundary());
  boundary.feed(message('Z', "I"));
  EXPECT_FALSE(boundary.at_boundary());
}

}  // namespace
}  // namespace writ::door::postgres
