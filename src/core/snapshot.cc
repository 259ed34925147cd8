// Snapshots: a State as bytes, so that a start need not read the journal from genesis.
//
//   "writ-snapshot\n", version (varint), the body's shape (8 bytes), the body, its hash (8 bytes)
//
// The body is what State holds in its own right, each list in the order of for_each_after, which
// tells nothing of how it came to be; indices are made anew. Grants come last: they take what they
// have in common from what is there by then. A snapshot is a cache: one that this program cannot
// read is passed over, and the journal is folded instead. The hash finds accidents; against forgery
// the journal's tree stands.
#include <algorithm>

#include "cedar/uid.h"
#include "core/dormant.h"
#include "core/entities.h"
#include "core/grants.h"
#include "core/packed.h"
#include "core/policy.h"
#include "core/state.h"

namespace writ::core {
namespace {

constexpr std::string_view kMagic = "writ-snapshot\n";
constexpr std::uint64_t kVersion = 2;

struct DoorSeq {
  std::string door;
  std::int64_t seq = 0;
};
template <class V>
void fields(V& v, DoorSeq& d) {
  v("door", d.door);
  v("seq", d.seq);
}
struct Namespace {
  std::string name;
  std::string door;
};
template <class V>
void fields(V& v, Namespace& n) {
  v("name", n.name);
  v("door", n.door);
}
// A text of a policy as far as it is recorded.
struct HeldText {
  std::string hash;
  std::int64_t parts = 0;
  std::vector<std::string> have;
};
template <class V>
void fields(V& v, HeldText& t) {
  v("hash", t.hash);
  v("parts", t.parts);
  v("have", t.have);
}
struct LastUse {
  std::string id;
  Time time;
};
template <class V>
void fields(V& v, LastUse& u) {
  v("id", u.id);
  v("time", u.time);
}
struct Head {
  std::uint64_t next_seq = 0;
  Time time;
  Genesis genesis;
  std::int64_t policy_version = 0;
  std::string policy_hash;
  std::vector<HeldText> texts;
  std::vector<DoorSeq> door_seqs;
  std::vector<Namespace> namespaces;
  std::vector<std::string> removed;
  std::vector<LastUse> last_uses;
};
template <class V>
void fields(V& v, Head& h) {
  v("next_seq", h.next_seq);
  v("time", h.time);
  v("genesis", h.genesis);
  v("policy_version", h.policy_version);
  v("policy_hash", h.policy_hash);
  v("texts", h.texts);
  v("door_seqs", h.door_seqs);
  v("namespaces", h.namespaces);
  v("removed", h.removed);
  v("last_uses", h.last_uses);
}

// All lists of the body but grants, in the order in which they stand. f(map, key of a value).
template <class S, class F>
void each_list(S& s, F f) {
  f(s.groups, [](const Group& g) -> std::string_view { return g.name; });
  f(s.identities, [](const Identity& i) -> std::string_view { return i.id; });
  f(s.enrollments, [](const Enrollment& e) -> std::string_view { return e.code_hash; });
  f(s.devices, [](const Device& d) -> std::string_view { return d.id; });
  f(s.second_factors, [](const SecondFactor& x) -> std::string_view { return x.identity; });
  f(s.certificates, [](const Certificate& c) -> std::string_view { return c.serial; });
  f(s.targets, [](const TargetSystem& t) -> std::string_view { return t.name; });
  f(s.resources, [](const Resource& r) -> std::string_view { return r.name; });
  f(s.entitlements, [](const Entitlement& e) -> std::string_view { return e.name; });
  f(s.doors, [](const Door& d) -> std::string_view { return d.identity; });
  f(s.changes, [](const Change& c) -> std::string_view { return c.id; });
  f(s.requests, [](const Request& r) -> std::string_view { return r.id; });
  f(s.sessions, [](const Session& x) -> std::string_view { return x.id; });
  f(s.findings, [](const Finding& x) -> std::string_view { return x.id; });
}

template <class Map>
struct ValueOf;
template <class V>
struct ValueOf<CowMap<std::string, V>> {
  using type = V;
};

std::string eight_bytes(std::uint64_t v) {
  std::string out;
  put_u64(out, v);
  return out;
}

const std::string& shape() {
  static const std::string kShape = [] {
    Shape text;
    text.add<Head>();
    State none;
    each_list(none, [&](auto& map, auto) {
      text.add<typename ValueOf<std::decay_t<decltype(map)>>::type>();
    });
    text.add<Membership>();
    text.add<Holding>();
    text.add<Grant>();
    return eight_bytes(cedar::hash_bytes(text.text()));
  }();
  return kShape;
}

// One function for each kind of list, or the compiler makes one of all of them and takes long.
template <class V, class KeyOf>
[[gnu::noinline]] void take_list(Unpacker& in, CowMap<std::string, V>& map, KeyOf key) {
  for (std::uint64_t left = in.get_count(); left > 0 && in.ok(); --left) {
    V value = in.take<V>();
    const std::string name(key(value));
    map.set(name, std::move(value));
  }
}

// Each entry of a map, in an order that does not depend on how it came to be. One function for each
// kind of list, as take_list.
template <class V, class F>
[[gnu::noinline]] void in_order(const CowMap<std::string, V>& map, F f) {
  map.for_each_after({}, [&](const std::string& key, const V& value) {
    f(key, value);
    return true;
  });
}

template <class V>
void put_list(Packer& out, const CowMap<std::string, V>& map) {
  out.put_count(map.size());
  in_order(map, [&](const std::string&, const V& value) { out.put(value); });
}

// Lists of lists, flat.
template <class V>
void put_lists(Packer& out, const CowMap<std::string, std::vector<V>>& map) {
  std::uint64_t count = 0;
  map.for_each([&](const std::string&, const std::vector<V>& list) { count += list.size(); });
  out.put_count(count);
  in_order(map, [&](const std::string&, const std::vector<V>& list) {
    for (const V& value : list) out.put(value);
  });
}

tl::unexpected<Error> corrupt(const std::string& what) {
  return fail(Code::kCorrupt, "the snapshot is damaged: " + what);
}

void add_sorted(CowMap<std::string, std::vector<std::string>>& map, const std::string& key,
                const std::string& item) {
  std::vector<std::string>& list = map[key];
  list.insert(std::lower_bound(list.begin(), list.end(), item), item);
}

template <class Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  keys.reserve(map.size());
  map.for_each([&](const std::string& key, const auto&) { keys.push_back(key); });
  return keys;
}

// What follows from the lists: the other directions, ends, Cedar's view.
class Completion {
 public:
  Completion(State& state, const Sealer& sealer) : s_(state), sealer_(sealer) {}

  Status run(std::vector<Membership> memberships, const std::vector<Namespace>& namespaces) {
    entities_ = std::make_shared<EntityIndex>();
    for (const Namespace& n : namespaces) entities_->give_namespace(n.name, n.door);
    s_.groups.for_each(
        [&](const std::string& name, const Group&) { entities_->put_group(s_, name); });
    CHECK_OK(identities());
    CHECK_OK(take_memberships(std::move(memberships)));
    s_.targets.for_each(
        [&](const std::string& name, const TargetSystem&) { entities_->put_target(s_, name); });
    CHECK_OK(things());
    s_.entities = entities_;
    return ends();
  }

 private:
  Status identities() {
    Status status;
    s_.identities.for_each([&](const std::string& id, const Identity& identity) {
      s_.identity_ids.set(identity.name_digest, id);
      if (status) status = entities_->put_identity(s_, id, sealer_);
    });
    return status;
  }

  Status take_memberships(std::vector<Membership> list) {
    for (Membership& m : list) {
      if (!s_.identities.contains(m.identity) || !s_.groups.contains(m.group)) {
        return corrupt("a membership is of nobody");
      }
      s_.ends.set("membership " + m.identity + " " + m.group, m.until);
      add_sorted(s_.members, m.group, m.identity);
      auto& mine = s_.memberships[m.identity];
      mine.push_back(std::move(m));
    }
    s_.memberships.for_each([&](const std::string& id, const std::vector<Membership>&) {
      entities_->put_memberships(s_, id);
    });
    return {};
  }

  // Parents first; a circle is no hierarchy.
  Status resource(const std::string& name, std::size_t depth) {
    if (entities_->resource(name) != nullptr) return {};
    const Resource* r = s_.resources.find(name);
    if (r == nullptr || depth > s_.resources.size() || !s_.targets.contains(r->target)) {
      return corrupt("a resource lies nowhere");
    }
    if (!r->parent.empty()) CHECK_OK(resource(r->parent, depth + 1));
    entities_->put_resource(s_, name);
    return {};
  }

  Status things() {
    Status status;
    // Entitlements come after, each once.
    CowMap<std::string, Entitlement> entitlements;
    std::swap(entitlements, s_.entitlements);
    s_.resources.for_each([&](const std::string& name, const Resource&) {
      if (status) status = resource(name, 0);
    });
    std::swap(entitlements, s_.entitlements);
    s_.entitlements.for_each([&](const std::string& name, const Entitlement& e) {
      if (!s_.resources.contains(e.resource)) {
        status = corrupt("an entitlement lies nowhere");
      } else if (status) {
        entities_->put_entitlement(s_, name);
      }
    });
    return status;
  }

  Status ends() {
    State& s = s_;
    s.enrollments.for_each([&](const std::string& key, const Enrollment& e) {
      s.ends.set("enrollment " + key, e.until);
    });
    s.devices.for_each([&](const std::string& id, const Device& d) {
      s.ends.set("device " + id, d.until);
      add_sorted(s.devices_of, d.identity, id);
    });
    for (const std::string& serial : keys_of(s.certificates)) {
      Certificate& c = *s.certificates.edit(serial);
      const Subject* holder = entities_->subject(c.identity);
      if (holder == nullptr) return corrupt("a certificate is of nobody");
      c.good_until = good_until(s, c);
      c.holder = holder->number;
      s.ends.set("certificate " + serial, c.until);
      if (!c.device.empty()) add_sorted(s.certificates_of, c.device, serial);
    }
    s.changes.for_each(
        [&](const std::string& id, const Change& c) { s.ends.set("change " + id, c.until); });
    s.requests.for_each(
        [&](const std::string& id, const Request& r) { s.ends.set("request " + id, r.until); });
    s.sessions.for_each([&](const std::string& id, const Session& session) {
      add_sorted(s.sessions_of, session.grant, id);
      ++s.sessions_at[session.door];
    });
    s.findings.for_each([&](const std::string& id, const Finding& f) {
      s.finding_ids.set(f.kind + "\n" + f.about, id);
    });
    watch_all(s);
    return {};
  }

  State& s_;
  const Sealer& sealer_;
  std::shared_ptr<EntityIndex> entities_;
};

// The rest of the State must be whole.
Status read_grants(Unpacker& in, State& state) {
  const std::uint64_t count = in.get_count();
  // Each has a byte at least, and room is made for no more than there can be.
  state.grants.reserve(std::min<std::uint64_t>(count, in.left()));
  for (std::uint64_t left = count; left > 0 && in.ok(); --left) {
    auto grant = in.take<Grant>();
    if (!in.ok()) break;
    if (!take_in(grant, state)) return corrupt("a grant is of nothing");
    if ((grant.state == GrantState::kRevoking) != grant.ending.has_value()) {
      return corrupt("a grant ends for no reason");
    }
    const std::string id = grant.id.str();
    state.grants.set(id, std::move(grant));
  }
  state.grant_index = std::make_shared<const GrantIndex>(state.grants);
  return {};
}

}  // namespace

std::string encode_snapshot(const State& state) {
  Packer version(std::string{kMagic});
  version.put_count(kVersion);
  const std::string begin = version.take() + shape();
  Packer out(begin);
  Head head;
  head.next_seq = state.next_seq;
  head.time = state.time;
  head.genesis = state.genesis;
  head.policy_version = state.policy_version;
  head.policy_hash = state.policy_hash;
  in_order(state.policy_texts, [&](const std::string& hash, const PolicyText& text) {
    HeldText held{hash, text.parts, {}};
    for (const auto& part : text.have) held.have.push_back(*part);
    head.texts.push_back(std::move(held));
  });
  in_order(state.door_seqs, [&](const std::string& door, std::int64_t seq) {
    head.door_seqs.push_back({door, seq});
  });
  if (state.entities) {
    in_order(state.entities->namespaces(), [&](const std::string& name, const std::string& door) {
      head.namespaces.push_back({name, door});
    });
  }
  in_order(state.removed, [&](const std::string& name, bool) { head.removed.push_back(name); });
  in_order(state.last_uses,
           [&](const std::string& id, Time time) { head.last_uses.push_back({id, time}); });
  out.put(head);
  each_list(state, [&](const auto& map, auto) { put_list(out, map); });
  put_lists(out, state.memberships);
  put_lists(out, state.holdings);
  put_list(out, state.grants);
  std::string bytes = out.take();
  return std::move(
      bytes.append(eight_bytes(cedar::hash_bytes(std::string_view(bytes).substr(begin.size())))));
}

Result<State> decode_snapshot(std::string_view bytes, const Sealer& sealer) {
  if (!bytes.starts_with(kMagic)) return corrupt("it does not begin as one");
  bytes.remove_prefix(kMagic.size());
  // The version is one byte until there are 128 of them.
  const std::uint64_t version = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
  const bool other = version != kVersion || bytes.size() < 17 || bytes.substr(1, 8) != shape();
  if (version > kVersion) {
    return fail(Code::kInvalid, "the snapshot is of version " + std::to_string(version) +
                                    ", and this program reads up to " + std::to_string(kVersion) +
                                    "; a newer writ wrote it: use that one");
  }
  if (bytes.size() < 17 || version == 0) return corrupt("it is cut short");
  if (other) {
    return fail(Code::kInvalid,
                "the snapshot was written by another build of writ; fold the journal instead");
  }
  const std::string_view body = bytes.substr(9, bytes.size() - 17);
  if (get_u64(bytes.data() + bytes.size() - 8) != cedar::hash_bytes(body)) {
    return corrupt("its hash does not match");
  }
  Unpacker in(body);
  State state;
  const Head head = in.take<Head>();
  each_list(state, [&](auto& map, auto key) { take_list(in, map, key); });
  auto memberships = in.take<std::vector<Membership>>();
  for (Holding& holding : in.take<std::vector<Holding>>()) {
    auto& list = state.holdings[holding.target];
    list.push_back(std::move(holding));
  }
  if (!in.ok()) return corrupt("its lists do not end where they should");
  state.next_seq = head.next_seq;
  state.time = head.time;
  state.genesis = head.genesis;
  state.policy_version = head.policy_version;
  for (const std::string& name : head.removed) state.removed.set(name, true);
  for (const LastUse& each : head.last_uses) state.last_uses.set(each.id, each.time);
  for (const DoorSeq& each : head.door_seqs) state.door_seqs.set(each.door, each.seq);
  state.policy_hash = head.policy_hash;
  for (const HeldText& held : head.texts) {
    PolicyText text{held.parts, {}};
    for (const std::string& part : held.have) {
      text.have.push_back(std::make_shared<const std::string>(part));
    }
    state.policy_texts.set(held.hash, std::move(text));
  }
  std::vector<PolicyFile> files;
  if (head.policy_version > 0) {
    TRY(in_force, policy_files(state, head.policy_hash));
    files = std::move(in_force);
  }
  TRY(policies, compile_policies(files, head.policy_hash));
  state.policies = std::move(policies);
  CHECK_OK(Completion(state, sealer).run(std::move(memberships), head.namespaces));
  CHECK_OK(read_grants(in, state));
  if (!in.done()) return corrupt("its lists do not end where they should");
  return state;
}

}  // namespace writ::core
