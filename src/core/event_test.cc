#include "core/event.h"

#include <gtest/gtest.h>

namespace writ::core {
namespace {

template <std::size_t... I>
std::vector<EventData> one_of_each(std::index_sequence<I...>) {
  return {EventData(std::variant_alternative_t<I, EventKinds>())...};
}
std::vector<EventData> one_of_each() {
  return one_of_each(std::make_index_sequence<std::variant_size_v<EventKinds>>());
}

Event event_with(EventData data) {
  return Event{
      7, from_unix_ms(1'800'000'000'123), "example.org", {"idn_a", "server"}, std::move(data)};
}

TEST(Event, EveryKindComesBackAsItWas) {
  for (const EventData& data : one_of_each()) {
    const std::string bytes = encode(event_with(data));
    const auto decoded = decode_event(bytes);
    ASSERT_TRUE(decoded) << kind_of(data) << ": " << decoded.error().text();
    EXPECT_EQ(kind_of(decoded->data), kind_of(data));
    EXPECT_EQ(encode(*decoded), bytes);
    (void)subjects_of(decoded->data);
  }
}

TEST(Event, BytesAreCanonical) {
  EXPECT_EQ(encode(event_with(CertificateExpired{"ab"})),
            R"({"actors":["idn_a","server"],"data":{"serial":"ab"},"kind":"certificate_expired",)"
            R"("seq":7,"time":"2027-01-15T08:00:00.123Z","trust_domain":"example.org","v":1})");
}

TEST(Event, RefusesWhatEncodeWouldNotWrite) {
  const std::string good = encode(event_with(CertificateExpired{"ab"}));
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string bytes = good;
    bytes.replace(bytes.find(from), from.size(), to);
    return decode_event(bytes);
  };
  for (const auto& result :
       {changed("certificate_expired", "certificate_eaten"), changed("\"v\":1", "\"v\":2"),
        changed("\"seq\":7", "\"seq\": 7"), changed("\"seq\":7", "\"seq\":-7"),
        changed("08:00:00.123Z", "08:00:00.1230Z"), changed("\"serial\":\"ab\"", "\"serial\":3"),
        changed("\"serial\":\"ab\"", "\"other\":1,\"serial\":\"ab\""),
        changed("{\"serial\"", "[{\"serial\"")}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kCorrupt);
  }
  EXPECT_NE(changed("\"v\":1", "\"v\":2").error().message.find("newer"), std::string::npos);
}

TEST(Event, EveryPrefixIsRefused) {
  const std::string good = encode(event_with(GroupAdded{Group{"dba", "work", false}}));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_event(good.substr(0, size)));
  }
}

TEST(Event, SubjectsLeadToTheWholeStory) {
  GrantCreated created;
  created.grant.id = "grt_1";
  created.grant.request = "req_1";
  created.grant.beneficiary = "idn_a";
  created.grant.entitlement = "pg/db/reader";
  EXPECT_EQ(subjects_of(created),
            (std::vector<std::string>{"grt_1", "req_1", "idn_a", "pg/db/reader"}));
  EXPECT_EQ(subjects_of(OwnerChanged{"identity:idn_b", "group:dba"}),
            (std::vector<std::string>{"idn_b", "dba"}));
}

}  // namespace
}  // namespace writ::core
