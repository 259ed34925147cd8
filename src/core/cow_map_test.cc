#include "core/cow_map.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "base/published.h"
#include "base/random.h"
#include "base/sanitizer_for_test.h"
#include "core/ends.h"

namespace writ::core {
namespace {

using Map = CowMap<std::string, std::string>;
using Model = std::map<std::string, std::string>;

Model content(const Map& map) {
  Model model;
  map.for_each([&](const std::string& key, const std::string& value) { model[key] = value; });
  return model;
}

TEST(CowMap, FindsWhatWasSet) {
  Map map;
  EXPECT_EQ(map.find("a"), nullptr);
  map.set("a", "1");
  map.set("a", "2");
  ASSERT_NE(map.find("a"), nullptr);
  EXPECT_EQ(*map.find("a"), "2");
  EXPECT_EQ(map.size(), 1u);
  map.erase("b");
  map.erase("a");
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.find("a"), nullptr);
}

TEST(CowMap, CopiesDoNotSeeEachOther) {
  Map first;
  first.set("a", "1");
  Map second = first;
  *second.edit("a") = "2";
  second.set("b", "3");
  first.erase("a");
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(*second.find("a"), "2");
}

TEST(CowMap, FindsByThePlaceOfAHash) {
  Map map;
  const auto place = [&](std::string_view key, bool alone = false) {
    auto found = map.begin(cow_hash(key));
    if (alone) {
      map.load_shard(found);
    } else {
      map.load_tags(found);
    }
    map.load_slot(found);
    map.load_entry(found);
    return found;
  };
  EXPECT_EQ(map.find("a", place("a")), nullptr);
  EXPECT_EQ(map.find("a", place("a", true)), nullptr);
  for (int i = 0; i < 500; ++i) map.set(std::to_string(i), std::to_string(i * 2));
  for (int i = 0; i < 600; ++i) {
    const std::string key = std::to_string(i);
    const std::string* found = map.find(key, place(key));
    ASSERT_EQ(found, map.find(key));
    ASSERT_EQ(found, map.find(key, place(key, true)));
    ASSERT_EQ(found != nullptr, i < 500);
  }
  // A place whose hash is another key's finds nothing wrong.
  EXPECT_EQ(map.find("a", place("1")), nullptr);
  // Nor does one where nothing stands any more.
  for (int i = 0; i < 350; ++i) map.erase(std::to_string(i));
  for (int i = 0; i < 500; ++i) {
    const std::string key = std::to_string(i);
    ASSERT_EQ(map.find(key, place(key)) != nullptr, i >= 350);
    ASSERT_EQ(map.find(key, place(key, true)) != nullptr, i >= 350);
  }
}

// Several copies, changed in turn, each against its own std::map.
TEST(CowMap, BehavesLikeAMapWhateverIsShared) {
  for (unsigned seed = 1; seed <= rounds(20U); ++seed) {
    SeededRandom random(seed);
    std::vector<std::pair<Map, Model>> copies(1);
    const unsigned long long keys = seed % 2 == 0 ? 50 : 5000;
    for (int step = 0; step < 6000; ++step) {
      auto& [map, model] = copies[random.below(copies.size())];
      const std::string key = "key " + std::to_string(random.below(keys));
      const std::string value = std::to_string(step);
      switch (random.below(12)) {
        case 0:
          if (copies.size() < 6) copies.emplace_back(copies[random.below(copies.size())]);
          break;
        case 1:
          if (copies.size() > 1)
            copies.erase(copies.begin() + static_cast<long>(random.below(copies.size())));
          break;
        case 2:
        case 3:
        case 4:
          map.erase(key);
          model.erase(key);
          break;
        case 5:
          map[key] += value;
          model[key] += value;
          break;
        case 6:
          if (std::string* found = map.edit(key)) *found = value;
          if (model.contains(key)) model[key] = value;
          break;
        default:
          map.set(key, value);
          model[key] = value;
      }
    }
    for (const auto& [map, model] : copies) {
      ASSERT_EQ(map.size(), model.size());
      ASSERT_EQ(content(map), model);
      for (const auto& [key, value] : model) {
        const std::string* found = map.find(key);
        ASSERT_NE(found, nullptr);
        ASSERT_EQ(*found, value);
      }
    }
  }
}

TEST(CowMap, IsWalkedInPiecesInOneOrder) {
  for (const int size : {0, 1, 13, 2000}) {
    Map map;
    std::vector<std::string> whole;
    for (int i = 0; i < size; ++i) map.set("key " + std::to_string(i), "");
    map.for_each_after(std::nullopt, [&](const std::string& key, const std::string&) {
      whole.push_back(key);
      return true;
    });
    ASSERT_EQ(whole.size(), map.size());
    // One at a time, while others come and go, and what was seen last is gone.
    std::vector<std::string> pieces;
    std::optional<std::string> after;
    for (bool more = true; more;) {
      more = false;
      map.for_each_after(after ? std::optional<std::string_view>(*after) : std::nullopt,
                         [&](const std::string& key, const std::string&) {
                           if (key.starts_with("key ")) pieces.push_back(key);
                           after = key;
                           more = true;
                           return false;
                         });
      if (more) map.erase(*after);
      for (int i = 0; more && i < 3; ++i) {
        map.set("other " + std::to_string(pieces.size()) + std::to_string(i), "");
      }
      if (pieces.size() == whole.size()) break;
    }
    EXPECT_EQ(pieces, whole);
  }
}

struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) = default;
  ~Counted() { --alive; }
};

TEST(CowMap, CopiesAreReadChangedAndDestroyedOnDifferentThreads) {
  constexpr int kChanges = 3000, kKeys = 200;
  Map first;
  for (int i = 0; i < kKeys; ++i) first.set(std::to_string(i), "0");
  first.set("change", "0");
  Published<Map> published(std::make_shared<Map>(first));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Published<Map>::Reader reader(published);
      for (int seen = 0; seen < kChanges;) {
        const Map& map = *reader.get();
        seen = std::stoi(*map.find("change"));
        Map mine = map;
        for (int key = seen % kKeys; key < kKeys; key += 7) *mine.edit(std::to_string(key)) = "x";
        mine.erase("change");
        // Nobody else's change shows, and this one shows nowhere else.
        if (mine.size() != map.size() - 1 || map.find("0")->starts_with('x')) ++wrong;
      }
    });
  }
  Map map = std::move(first);
  for (int i = 1; i <= kChanges; ++i) {
    map.set(std::to_string(i % kKeys), std::to_string(i));
    map.set("change", std::to_string(i));
    published.publish(std::make_shared<Map>(map));
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST(CowMap, ReleasesWhatNoCopyHolds) {
  {
    CowMap<std::uint64_t, Counted> map;
    for (std::uint64_t i = 0; i < 3000; ++i) map.set(i, Counted());
    CowMap<std::uint64_t, Counted> copy = map;
    for (std::uint64_t i = 0; i < 3000; i += 2) map.erase(i);
    EXPECT_EQ(Counted::alive, 3000);
    for (std::uint64_t i = 1; i < 3000; i += 2) (void)copy.edit(i);
    EXPECT_EQ(Counted::alive, 4500);
    copy = {};
    EXPECT_EQ(Counted::alive, 1500);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(CowMap, PlainEntriesAreOfOneCopyToo) {
  struct Pair {
    std::uint32_t a = 0, b = 0;
  };
  CowMap<std::uint64_t, Pair> first;
  for (std::uint32_t i = 0; i < 3000; ++i) first.set(i, Pair{i, 2 * i});
  CowMap<std::uint64_t, Pair> second = first;
  for (std::uint32_t i = 0; i < 3000; i += 3) second.erase(i);
  for (std::uint32_t i = 1; i < 3000; i += 3) second.edit(i)->b = 7;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    ASSERT_EQ(first.find(i)->b, 2 * i);
    ASSERT_EQ(second.contains(i), i % 3 != 0);
    if (i % 3 != 0) {
      ASSERT_EQ(second.find(i)->b, i % 3 == 1 ? 7u : 2 * i);
    }
  }
}

// A key of which very many have one hash: their shards hold hundreds.
struct Crowded {
  std::uint32_t number;
  auto operator<=>(const Crowded&) const = default;
};
std::uint64_t cow_hash(Crowded key) {
  return key.number % 3 * 0x5555'5555;
}

TEST(CowMap, KeysWithEqualTagsAreToldApart) {
  using Crowd = CowMap<Crowded, std::string>;
  using CrowdModel = std::map<Crowded, std::string>;
  std::vector<std::pair<Crowd, CrowdModel>> copies(1);
  SeededRandom random(5);
  for (int step = 0; step < 6000; ++step) {
    if (step % 1000 == 999) copies.emplace_back(copies.back());
    auto& [map, model] = copies[random.below(copies.size())];
    const Crowded key{static_cast<std::uint32_t>(random.below(900))};
    if (random.below(5) < 2) {
      map.erase(key);
      model.erase(key);
    } else {
      map.set(key, std::to_string(step));
      model[key] = std::to_string(step);
    }
    ASSERT_EQ(map.size(), model.size());
  }
  for (const auto& [map, model] : copies) {
    for (std::uint32_t i = 0; i < 900; ++i) {
      auto place = map.begin(cow_hash(Crowded{i}));
      map.load_tags(place);
      map.load_slot(place);
      const std::string* found = map.find({i}, place);
      ASSERT_EQ(found, map.find({i}));
      ASSERT_EQ(found != nullptr, model.contains({i}));
      if (found != nullptr) {
        ASSERT_EQ(*found, model.at({i}));
      }
    }
    CrowdModel seen;
    map.for_each([&](Crowded key, const std::string& value) { seen[key] = value; });
    ASSERT_EQ(seen, model);
  }
}

struct Named {
  std::string name;
  int number = 0;
};
std::string_view own_key(const Named& named) {
  return named.name;
}

TEST(CowMap, AValueMayHoldItsKey) {
  CowMap<std::string, Named> first;
  const auto name = [](int i) { return "a name of some length " + std::to_string(i); };
  for (int i = 0; i < 1000; ++i) {
    const Named* at = first.set(name(i), {name(i), i});
    EXPECT_EQ(at, first.find(name(i)));
  }
  CowMap<std::string, Named> second = first;
  for (int i = 0; i < 1000; i += 2) second.edit(name(i))->number = -1;
  second.set(name(1), {name(1), -1});
  second.erase(name(3));
  std::size_t seen = 0;
  second.for_each([&](const std::string& key, const Named& named) {
    EXPECT_EQ(key, named.name);
    ++seen;
  });
  EXPECT_EQ(seen, 999u);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(first.find(name(i))->number, i);
    if (i != 3) {
      EXPECT_EQ(second.find(name(i))->number, i % 2 == 0 || i == 1 ? -1 : i);
    }
  }
}

TEST(CowMap, HasTheSameEntriesWhereRoomWasMadeBefore) {
  CowMap<std::uint64_t, std::uint64_t> grown, reserved;
  reserved.reserve(5000);
  EXPECT_TRUE(reserved.empty());
  EXPECT_EQ(reserved.find(1), nullptr);
  for (std::uint64_t i = 0; i < 7000; ++i) {
    grown.set(i, i);
    reserved.set(i, i);
  }
  const auto all = [](const auto& map) {
    std::vector<std::uint64_t> keys;
    map.for_each_after({}, [&](std::uint64_t key, std::uint64_t) {
      keys.push_back(key);
      return true;
    });
    return keys;
  };
  EXPECT_EQ(all(grown), all(reserved));
  for (std::uint64_t i = 0; i < 7000; ++i) reserved.erase(i);
  EXPECT_TRUE(reserved.empty());
}

Time at(std::int64_t ms) {
  return from_unix_ms(ms);
}

TEST(Ends, GivesWhatIsDueAndNothingElse) {
  SeededRandom random(7);
  Ends ends;
  std::map<std::string, std::int64_t> model;
  for (int step = 0; step < 4000; ++step) {
    const std::string what = "grant " + std::to_string(random.below(300));
    if (const auto found = model.find(what); found != model.end()) {
      ends.erase(what, at(found->second));
      model.erase(found);
    }
    if (random.below(3) != 0) {
      // Far apart and close together, before 1970 too.
      const auto range = random.below(2) == 0 ? 100'000ull : 4'000'000'000'000ull;
      const auto end = static_cast<std::int64_t>(random.below(range)) - 50'000;
      ends.set(what, at(end));
      model[what] = end;
    }
    if (step % 50 != 0) continue;
    ASSERT_EQ(ends.size(), model.size());
    std::optional<std::int64_t> first;
    for (const auto& [name, end] : model) first = std::min(end, first.value_or(end));
    ASSERT_EQ(ends.next().has_value(), first.has_value());
    ASSERT_EQ(first ? unix_ms(*ends.next()) : 0, first.value_or(0));
    const auto now = static_cast<std::int64_t>(random.below(200'000)) - 50'000;
    std::map<std::string, std::int64_t> due, wanted;
    ends.for_each_due(at(now),
                      [&](const std::string& name, Time end) { due[name] = unix_ms(end); });
    for (const auto& [name, end] : model) {
      if (end <= now) wanted[name] = end;
    }
    ASSERT_EQ(due, wanted);
  }
}

TEST(Ends, AnEndMaySetAnewAndFarAwayEndsCostNothing) {
  Ends ends;
  ends.set("a", at(0));
  ends.set("b", at(253'402'300'799'000));
  ends.erase("a", at(0));
  EXPECT_EQ(unix_ms(*ends.next()), 253'402'300'799'000);
  ends.erase("a", at(0));
  EXPECT_EQ(ends.size(), 1u);
}

}  // namespace
}  // namespace writ::core
