// Schema    := {'namespace' Path '{' {Decl} '}' | Decl}
// Decl      := {Annotation} ('entity' Idents … | 'action' Names … | 'type' Ident '=' Type) ';'
// Type      := Path | 'Set' '<' Type '>' | '{' [Attribute {',' Attribute} [',']] '}'
// Attribute := {Annotation} (Ident | Str) ['?'] ':' Type
#include "cedar/schema_types.h"

#include <algorithm>

#include "cedar/lexer.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kDeepest = 64;   // of nested types
constexpr std::size_t kLongest = 100;  // chain of names that stand for names

std::string join(const std::string& space, std::string_view name) {
  return space.empty() ? std::string(name) : space + "::" + std::string(name);
}

// The function that makes a value of an extension type; empty for other types.
std::string_view constructor_of(std::string_view type) {
  if (type.starts_with("__cedar::")) type.remove_prefix(9);
  if (type == "ipaddr") return "ip";
  if (type == "decimal" || type == "datetime" || type == "duration") return type;
  return {};
}

}  // namespace

class SchemaReader {
 public:
  SchemaReader(const Source& source, std::vector<Token> tokens)
      : source_(source), tokens_(std::move(tokens)) {}

  Result<SchemaTypes> read() {
    while (peek().kind != TokenKind::kEnd) {
      CHECK_OK(annotations());
      if (!accept("namespace")) {
        CHECK_OK(declaration());
        continue;
      }
      TRY(space, path());
      space_ = std::move(space);
      CHECK_OK(want("{"));
      while (!accept("}")) {
        CHECK_OK(annotations());
        CHECK_OK(declaration());
      }
      space_.clear();
    }
    return std::move(schema_);
  }

 private:
  using Type = SchemaTypes::Type;
  using TypePtr = SchemaTypes::TypePtr;

  const Token& peek() const { return tokens_[next_]; }
  const Token& take() {
    const Token& token = peek();
    if (next_ + 1 < tokens_.size()) ++next_;
    return token;
  }
  std::string_view text(const Token& token) const {
    return std::string_view(source_.text()).substr(token.begin, token.end - token.begin);
  }
  bool sees(std::string_view word) const { return text(peek()) == word; }
  bool accept(std::string_view word) {
    if (!sees(word)) return false;
    take();
    return true;
  }
  tl::unexpected<Error> unexpected(std::string_view what) const {
    return tl::unexpected<Error>(
        source_.error(peek().begin, "wanted " + std::string(what) + ", found `" +
                                        std::string(shorten(text(peek()), 40)) + "`"));
  }
  Status want(std::string_view word) {
    if (accept(word)) return {};
    return unexpected("`" + std::string(word) + "`");
  }
  Result<std::string> identifier() {
    if (peek().kind != TokenKind::kIdent) return unexpected("a name");
    return std::string(text(take()));
  }
  // An identifier, or a string in quotes.
  Result<std::string> name() {
    if (peek().kind != TokenKind::kString) return identifier();
    const std::string_view raw = text(peek());
    Unescaped unescaped = unescape(raw.substr(1, raw.size() - 2));
    if (!unescaped.text) return unexpected("a string without wrong escapes");
    take();
    return std::move(*unescaped.text);
  }
  Result<std::string> path() {
    TRY(whole, identifier());
    while (accept("::")) {
      TRY(part, identifier());
      whole += "::" + part;
    }
    return whole;
  }

  Status annotations() {
    while (accept("@")) {
      CHECK_OK(identifier());
      if (accept("(")) {
        CHECK_OK(name());
        CHECK_OK(want(")"));
      }
    }
    return {};
  }

  Status declaration() {
    if (accept("entity")) return entity();
    if (accept("action")) return action();
    if (!accept("type")) return unexpected("`entity`, `action` or `type`");
    TRY(word, identifier());
    CHECK_OK(want("="));
    TRY(made, type());
    schema_.common_[join(space_, word)] = std::move(made);
    return want(";");
  }

  Status entity() {
    std::vector<std::string> words;
    do {
      TRY(word, identifier());
      words.push_back(std::move(word));
    } while (accept(","));
    SchemaTypes::EntityType made;
    if (accept("enum")) {
      CHECK_OK(skip_list());
    } else {
      if (accept("in")) CHECK_OK(skip_list());
      if (accept("=") || sees("{")) {
        TRY(attributes, type());
        made.attributes = std::move(attributes);
      }
      if (accept("tags")) {
        TRY(tags, type());
        made.tags = std::move(tags);
      }
    }
    for (const std::string& word : words) schema_.entities_[join(space_, word)] = made;
    return want(";");
  }

  Status action() {
    std::vector<std::string> words;
    do {
      TRY(word, name());
      words.push_back(std::move(word));
    } while (accept(","));
    if (accept("in")) CHECK_OK(skip_list());
    TypePtr context;
    if (accept("appliesTo")) {
      CHECK_OK(want("{"));
      while (!accept("}")) {
        TRY(part, identifier());
        CHECK_OK(want(":"));
        if (part == "context") {
          TRY(made, type());
          context = std::move(made);
        } else {
          CHECK_OK(skip_list());
        }
        if (accept("}")) break;
        CHECK_OK(want(","));
      }
    }
    if (accept("attributes")) {
      CHECK_OK(want("{"));
      CHECK_OK(want("}"));
    }
    for (const std::string& word : words) {
      schema_.contexts_[EntityUid(join(space_, "Action"), word).print()] = context;
    }
    return want(";");
  }

  // A path or entity, or a list of them in brackets: what this reader does not need.
  Status skip_list() {
    const auto one = [&]() -> Status {
      CHECK_OK(name());
      while (accept("::")) CHECK_OK(name());
      return {};
    };
    if (!accept("[")) return one();
    while (!accept("]")) {
      CHECK_OK(one());
      if (accept("]")) break;
      CHECK_OK(want(","));
    }
    return {};
  }

  Result<TypePtr> type() {
    if (++depth_ > kDeepest) return unexpected("types that are nested less deeply");
    Type made;
    made.space = space_;
    if (accept("{")) {
      made.shape = Type::Shape::kRecord;
      while (!accept("}")) {
        CHECK_OK(annotations());
        TRY(attribute, name());
        accept("?");
        CHECK_OK(want(":"));
        TRY(of, type());
        made.attributes[attribute] = std::move(of);
        if (accept("}")) break;
        CHECK_OK(want(","));
      }
    } else {
      TRY(word, path());
      if (word == "Set" && accept("<")) {
        made.shape = Type::Shape::kSet;
        TRY(element, type());
        made.element = std::move(element);
        CHECK_OK(want(">"));
      } else {
        made.name = std::move(word);
      }
    }
    --depth_;
    return std::make_shared<const Type>(std::move(made));
  }

  const Source& source_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  std::size_t depth_ = 0;
  std::string space_;
  SchemaTypes schema_;
};

Result<SchemaTypes> SchemaTypes::parse(std::string_view text, std::string_view file) {
  const Source source(file, text);
  TRY(tokens, tokenize(source));
  return SchemaReader(source, std::move(tokens)).read();
}

Json SchemaTypes::explicit_record(const Json& json, const Type& type) const {
  const JsonObject* object = json.as_object();
  if (object == nullptr) return json;
  JsonObject made;
  for (const JsonMember& member : *object) {
    const auto of = type.attributes.find(member.first);
    made.emplace_back(member.first, of == type.attributes.end()
                                        ? member.second
                                        : explicit_form(member.second, of->second));
  }
  return Json(std::move(made));
}

Json SchemaTypes::explicit_form(const Json& json, const TypePtr& type) const {
  TypePtr at = type;
  // A name is a common type or an entity type, in its own namespace or in none, or built in.
  for (std::size_t i = 0; at != nullptr && at->shape == Type::Shape::kNamed; ++i) {
    if (i == kLongest) return json;
    TypePtr next;
    for (const std::string& full : {join(at->space, at->name), at->name}) {
      if (const auto common = common_.find(full); common != common_.end()) {
        next = common->second;
        break;
      }
      if (entities_.contains(full)) {
        const bool bare = json.find("type") != nullptr && json.find("id") != nullptr;
        return bare ? Json::object({{"__entity", json}}) : json;
      }
    }
    if (next == nullptr) {
      const std::string_view constructor = constructor_of(at->name);
      if (constructor.empty()) return json;
      if (json.as_string() != nullptr) {
        return Json::object({{"__extn", Json::object({{"fn", Json(constructor)}, {"arg", json}})}});
      }
      return json.find("fn") != nullptr ? Json::object({{"__extn", json}}) : json;
    }
    at = std::move(next);
  }
  if (at == nullptr) return json;
  if (at->shape == Type::Shape::kRecord) return explicit_record(json, *at);
  const JsonArray* array = json.as_array();
  if (array == nullptr) return json;
  JsonArray made;
  for (const Json& item : *array) made.push_back(explicit_form(item, at->element));
  return Json(std::move(made));
}

Json SchemaTypes::explicit_entities(const Json& entities) const {
  const JsonArray* array = entities.as_array();
  if (array == nullptr) return entities;
  JsonArray made = *array;
  for (Json& entity : made) {
    const Json* uid = entity.find("uid");
    if (uid != nullptr && uid->find("__entity") != nullptr) uid = uid->find("__entity");
    const Json* name = uid == nullptr ? nullptr : uid->find("type");
    const auto type = name == nullptr || name->as_string() == nullptr
                          ? entities_.end()
                          : entities_.find(*name->as_string());
    if (type == entities_.end()) continue;
    if (const Json* attrs = entity.find("attrs")) {
      entity.set("attrs", explicit_form(*attrs, type->second.attributes));
    }
    const Json* tags = entity.find("tags");
    if (tags == nullptr || tags->as_object() == nullptr) continue;
    JsonObject members;
    for (const JsonMember& member : *tags->as_object()) {
      members.emplace_back(member.first, explicit_form(member.second, type->second.tags));
    }
    entity.set("tags", Json(std::move(members)));
  }
  return Json(std::move(made));
}

Json SchemaTypes::explicit_context(const Json& context, const EntityUid& action) const {
  const auto type = contexts_.find(action.print());
  return type == contexts_.end() ? context : explicit_form(context, type->second);
}

}  // namespace writ::cedar
