// fold: one event at a time, each checked before anything changes. What each event does stands in
// fold_*.cc.
#include "core/dormant.h"
#include "core/fold_event.h"

namespace writ::core {
namespace folding {

Status Fold::owner_known(const std::string& owner) const {
  if (owner.empty()) return {};
  if (owner.starts_with("identity:")) return known(s.identities, "identity", owner.substr(9));
  if (owner.starts_with("group:")) return known(s.groups, "group", owner.substr(6));
  return corrupt("the owner \"" + owner + "\" is neither identity:… nor group:…");
}

Status Fold::check_door_seq(const std::string& door, std::int64_t seq) const {
  CHECK_OK(known(s.identities, "door", door));
  const std::int64_t* last = s.door_seqs.find(door);
  if (seq < 0 || (seq > 0 && last != nullptr && seq <= *last)) {
    return corrupt("report " + std::to_string(seq) + " of door \"" + door + "\" is out of order");
  }
  return {};
}

void Fold::drop_session(const std::string& id) {
  const Session* session = s.sessions.find(id);
  if (session == nullptr) return;
  remove_from(s.sessions_of, std::string(session->grant), id);
  std::int64_t* count = s.sessions_at.edit(session->door);
  if (count != nullptr && --*count <= 0) s.sessions_at.erase(session->door);
  s.sessions.erase(id);
}

}  // namespace folding

Status fold(State& state, const Event& event, const Sealer& sealer) {
  const auto where = [&](Error error) {
    error.where =
        "event " + std::to_string(event.seq) + " (" + std::string(kind_of(event.data)) + ")";
    return tl::unexpected<Error>(std::move(error));
  };
  const auto refuse = [&](std::string message) {
    return where(Error{Code::kCorrupt, std::move(message), {}});
  };
  if (event.seq != state.next_seq) {
    return refuse("event " + std::to_string(state.next_seq) + " comes next");
  }
  const bool genesis = std::holds_alternative<Genesis>(event.data);
  if (genesis != (event.seq == 0)) return refuse("genesis is the first event, and only that");
  if (!genesis && event.time < state.time) return refuse("time runs back");
  const std::string& domain =
      genesis ? std::get<Genesis>(event.data).trust_domain : state.genesis.trust_domain;
  if (event.trust_domain != domain) {
    return refuse("it belongs to the trust domain \"" + event.trust_domain + "\"");
  }
  const DormancyWatch dormancy(state, event.data);
  if (auto status = std::visit(folding::Fold{state, event, sealer}, event.data); !status) {
    return where(status.error());
  }
  dormancy.finish(state, event.time);
  state.next_seq = event.seq + 1;
  state.time = event.time;
  return {};
}

}  // namespace writ::core
