#include "cmd/story.h"

#include "net/http.h"

namespace writ::cmd {

std::vector<Happened> happened_in(const Json& entries) {
  std::vector<Happened> story;
  if (entries.as_array() == nullptr) return story;
  for (const Json& item : *entries.as_array()) {
    const auto time = parse_time(text_or_empty(item, "time"));
    if (!time) continue;
    Happened happened;
    happened.log = text_or_empty(item, "log");
    happened.time = *time;
    happened.line = text_or_empty(item, "line");
    happened.kind = text_or_empty(item, "kind");
    if (const Json* index = item.find("index"); index != nullptr && index->as_int() != nullptr) {
      happened.index = *index->as_int();
    }
    if (const Json* event = item.find("entry")) {
      if (happened.kind.empty()) happened.kind = text_or_empty(*event, "kind");
      if (const Json* data = event->find("data")) {
        happened.outcome = text_or_empty(*data, "outcome");
        const Json* grant = data->find("grant");
        if (grant != nullptr && grant->as_string() != nullptr) happened.grant = *grant->as_string();
        if (grant != nullptr && grant->as_object() != nullptr) {
          happened.grant = text_or_empty(*grant, "id");
        }
        const Json* sessions = data->find("sessions");
        if (sessions != nullptr && sessions->as_array() != nullptr) {
          happened.sessions = sessions->as_array()->size();
        }
      }
    }
    story.push_back(std::move(happened));
  }
  return story;
}

Result<std::vector<Happened>> read_story(Client& client, const std::string& id) {
  TRY(answer, client.get("/v1/evidence/story/" + net::percent_encode(id)));
  TRY(entries, member_of(answer, "entries"));
  return happened_in(entries);
}

}  // namespace writ::cmd
