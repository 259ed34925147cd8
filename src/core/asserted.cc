// What doors assert about their applications. Values may refer to entities of Writ ("owner" is this
// user); what those are, only State says.
#include <algorithm>
#include <array>

#include "core/asking.h"

namespace writ::core {
namespace {

constexpr auto kReserved = std::to_array<std::string_view>(
    {"now", "auth", "source_ip", "actor_chain", "grant", "approvals", "duration", "device",
     "session", "purpose", "ticket"});

}  // namespace

Result<Asserted> read_asserted(const Json& json) {
  Asserted asserted;
  if (json.is_null()) return asserted;
  const JsonObject* object = json.as_object();
  if (object == nullptr) {
    return fail(Code::kInvalid, "what a door asserts is an object", "/asserted");
  }
  for (const auto& [name, value] : *object) {
    const std::string where = "/asserted/" + name;
    if (name != "subject" && name != "resource" && name != "action" && name != "context") {
      return fail(Code::kInvalid,
                  "a door asserts \"subject\", \"resource\", \"action\" or \"context\"", where);
    }
    TRY(record, cedar::record_from_json(value, where));
    if (name == "subject") {
      asserted.subject = std::move(record);
    } else if (name == "resource") {
      asserted.resource = std::move(record);
    } else if (name == "action") {
      asserted.action = std::move(record);
    } else {
      for (const cedar::Field& field : record.view().fields()) {
        if (std::find(kReserved.begin(), kReserved.end(), field.first.view()) != kReserved.end()) {
          return fail(Code::kInvalid, "this part of context is Writ's alone",
                      where + "/" + std::string(field.first.view()));
        }
        asserted.context.push_back(field);
      }
    }
  }
  return asserted;
}

}  // namespace writ::core
