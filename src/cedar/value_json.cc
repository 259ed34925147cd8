// Values and uids from and to Cedar's JSON form:
// https://docs.cedarpolicy.com/auth/entities-syntax.html
#include <algorithm>

#include "cedar/expr.h"
#include "cedar/extension.h"
#include "cedar/function.h"
#include "cedar/json_place.h"
#include "cedar/sharing.h"
#include "cedar/text.h"
#include "cedar/value.h"

namespace writ::cedar {
namespace {

Result<Value> extension_from_json(const Json& call, const JsonPlace& where, Sharing* sharing) {
  const JsonObject* object = call.as_object();
  const Json* name = call.find("fn");
  const Json* arg = call.find("arg");
  const Json* args = call.find("args");
  if (object == nullptr || object->size() != 2 || name == nullptr ||
      (arg == nullptr) == (args == nullptr)) {
    return fail(Code::kInvalid,
                "an extension value is {\"fn\": NAME, \"arg\": VALUE} or {\"fn\": NAME, \"args\": "
                "[VALUES]}",
                where.text());
  }
  const std::string* text = name->as_string();
  const std::optional<Function> function = text ? function_named(*text) : std::nullopt;
  if (!function || !form_of(*function).extension) {
    return fail(Code::kInvalid,
                "there is no extension function " + (text ? "`" + *text + "`" : compact(*name)),
                (where / "fn").text());
  }
  std::vector<Value> values;
  if (arg != nullptr) {
    TRY(value, value_from_json(*arg, where / "arg", sharing));
    values.push_back(std::move(value));
  } else {
    const JsonArray* array = args->as_array();
    const JsonPlace args_place = where / "args";
    if (array == nullptr) {
      return fail(Code::kInvalid, "an array is wanted here, not " + std::string(args->type_name()),
                  args_place.text());
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      TRY(value, value_from_json((*array)[i], args_place / i, sharing));
      values.push_back(std::move(value));
    }
  }
  Result<Value> value = call_extension(*function, values);
  if (!value) return fail(value.error().code, value.error().message, where.text());
  return value;
}

Result<Value> fields_from_json(const JsonObject& object, const JsonPlace& where, Sharing* sharing) {
  std::vector<Field> fields;
  fields.reserve(object.size());
  for (const JsonMember& member : object) {
    if (member.first == "__entity" || member.first == "__extn" || member.first == "__expr") {
      return fail(Code::kInvalid, "`" + member.first + "` cannot be the name of an attribute",
                  (where / member.first).text());
    }
    TRY(value, value_from_json(member.second, where / member.first, sharing));
    fields.emplace_back(sharing ? sharing->name(member.first) : String(member.first),
                        std::move(value));
  }
  return Value::record(std::move(fields));
}

Json escape(std::string_view name, std::string text) {
  return Json::object(
      {{"__extn", Json::object({{"fn", Json(name)}, {"arg", Json(std::move(text))}})}});
}

}  // namespace

Result<Value> value_from_json(const Json& json, const JsonPlace& where, Sharing* sharing) {
  if (const bool* flag = json.as_bool()) return Value::boolean(*flag);
  if (const std::int64_t* integer = json.as_int()) return Value::integer(*integer);
  if (const std::string* text = json.as_string()) return Value::string(*text);
  if (const JsonArray* array = json.as_array()) {
    std::vector<Value> items;
    items.reserve(array->size());
    for (std::size_t i = 0; i < array->size(); ++i) {
      TRY(item, value_from_json((*array)[i], where / i, sharing));
      items.push_back(std::move(item));
    }
    return Value::set(std::move(items));
  }
  const JsonObject* object = json.as_object();
  if (object == nullptr) {
    return fail(Code::kInvalid, "Cedar has no value for " + std::string(json.type_name()),
                where.text());
  }
  if (object->size() == 1) {
    const JsonMember& only = object->front();
    if (only.first == "__entity") {
      TRY(uid, uid_from_json(json, where, sharing));
      return Value::entity(uid);
    }
    if (only.first == "__extn") return extension_from_json(only.second, where / "__extn", sharing);
  }
  return fields_from_json(*object, where, sharing);
}

Result<Value> value_from_json(const Json& json, const std::string& where, Sharing* sharing) {
  return value_from_json(json, JsonPlace(where), sharing);
}

Result<Value> record_from_json(const Json& json, const std::string& where, Sharing* sharing) {
  const JsonObject* object = json.as_object();
  if (object == nullptr) {
    return fail(Code::kInvalid, "an object is wanted here, not " + std::string(json.type_name()),
                where);
  }
  return fields_from_json(*object, JsonPlace(where), sharing);
}

Result<EntityUid> uid_from_json(const Json& json, const JsonPlace& where, Sharing* sharing) {
  const JsonObject* object = json.as_object();
  if (object != nullptr && object->size() == 1 && object->front().first == "__entity") {
    return uid_from_json(object->front().second, where / "__entity", sharing);
  }
  const Json* type = json.find("type");
  const Json* id = json.find("id");
  const std::string* type_text = type ? type->as_string() : nullptr;
  const std::string* id_text = id ? id->as_string() : nullptr;
  if (object == nullptr || object->size() != 2 || type_text == nullptr || id_text == nullptr) {
    return fail(Code::kInvalid, "an entity is {\"type\": TEXT, \"id\": TEXT}", where.text());
  }
  if (!is_type_name(*type_text)) {
    return fail(Code::kInvalid, "`" + *type_text + "` is no entity type", (where / "type").text());
  }
  return sharing ? sharing->uid(*type_text, *id_text) : EntityUid(*type_text, *id_text);
}

Result<EntityUid> uid_from_json(const Json& json, const std::string& where, Sharing* sharing) {
  return uid_from_json(json, JsonPlace(where), sharing);
}

Json to_json(const EntityUid& uid) {
  return Json::object({{"type", Json(uid.type())}, {"id", Json(uid.id())}});
}

Json to_json(ValueView value) {
  switch (value.kind()) {
    case Kind::kBool:
      return Json(value.boolean());
    case Kind::kInt:
      return Json(value.integer());
    case Kind::kString:
      return Json(value.string());
    case Kind::kEntity:
      return Json::object({{"__entity", to_json(EntityUid(value.entity()))}});
    case Kind::kSet: {
      JsonArray array;
      for (const Value& item : value.items()) array.push_back(to_json(item.view()));
      return Json(std::move(array));
    }
    case Kind::kRecord: {
      JsonObject object;
      for (const Field& field : value.fields()) {
        object.emplace_back(std::string(field.first.view()), to_json(field.second.view()));
      }
      return Json(std::move(object));
    }
    case Kind::kDecimal:
      return escape("decimal", decimal_text(value.integer()));
    case Kind::kDatetime:
      if (!has_datetime_text(value.integer())) {
        Json call = Json::object({{"fn", "offset"}});
        call.set("args", Json::array({escape("datetime", "1970-01-01"),
                                      escape("duration", duration_text(value.integer()))}));
        return Json::object({{"__extn", std::move(call)}});
      }
      return escape("datetime", datetime_text(value.integer()));
    case Kind::kDuration:
      return escape("duration", duration_text(value.integer()));
    case Kind::kIp:
      return escape("ip", ip_text(value.ip()));
    case Kind::kNone:
      break;
  }
  return Json();
}

}  // namespace writ::cedar
