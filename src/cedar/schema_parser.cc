// Schema    := {Namespace}
// Namespace := {Annotation} 'namespace' Path '{' {Decl} '}' | Decl
// Decl      := {Annotation} (Entity | Action | Common)
// Entity    := 'entity' Idents ['in' Types] [['='] Record] ['tags' Type] ';'
//            | 'entity' Idents 'enum' '[' Str {',' Str} ']' ';'
// Action    := 'action' Names ['in' Ref | '[' Ref {',' Ref} ']'] ['appliesTo' '{' Applies '}']
//              ['attributes' '{' '}'] ';'
// Applies   := ('principal' ':' Types | 'resource' ':' Types | 'context' ':' (Path | Record)), …
// Common    := 'type' Ident '=' Type ';'
// Type      := Path | 'Set' '<' Type '>' | Record
// Record    := '{' [Attribute {',' Attribute} [',']] '}'
// Attribute := {Annotation} Name ['?'] ':' Type
// Types     := Path | '[' [Path {',' Path}] ']'      Ref := [Path '::'] Str | Ident
#include <algorithm>
#include <set>

#include "cedar/schema_syntax.h"
#include "cedar/token_reader.h"

namespace writ::cedar {
namespace {

class SchemaParser : public TokenReader {
 public:
  using TokenReader::TokenReader;

  Result<SchemaSyntax> schema() {
    SchemaSyntax made;
    made.source = source_;
    made.file = source_->name();
    SchemaNamespace bare;
    std::set<std::string> spaces;
    while (peek().kind != TokenKind::kEnd) {
      TRY(given, annotations());
      if (!sees("namespace")) {
        CHECK_OK(declaration(bare, std::move(given)));
        continue;
      }
      take();
      SchemaNamespace space;
      if (sees("__cedar")) {
        return refuse(peek(), "`__cedar` is reserved, so no namespace has it in its name");
      }
      const Token& at = peek();
      TRY(name, path());
      if (!spaces.insert(name.name).second) {
        return refuse(at, "the namespace `" + name.name + "` stands twice");
      }
      space.name = std::move(name);
      space.annotations = std::move(given);
      CHECK_OK(want("{"));
      while (!accept("}")) {
        TRY(inner, annotations());
        CHECK_OK(declaration(space, std::move(inner)));
      }
      made.namespaces.push_back(std::move(space));
    }
    if (!bare.commons.empty() || !bare.entities.empty() || !bare.actions.empty()) {
      made.namespaces.insert(made.namespaces.begin(), std::move(bare));
    }
    return made;
  }

 private:
  SchemaPlace here() const { return {peek().begin, {}}; }

  // `__cedar` alone of all reserved words may start it.
  Result<SchemaName> path() {
    SchemaName made{{}, here()};
    if (accept("__cedar")) {
      CHECK_OK(want("::"));
      made.name = "__cedar::";
    }
    TRY(first, identifier("a name"));
    made.name += first;
    while (sees("::") && peek(1).kind == TokenKind::kIdent) {
      take();
      TRY(part, identifier("part of a name"));
      made.name += "::" + part;
    }
    return made;
  }

  // Ident or Str.
  Result<SchemaName> name() {
    const SchemaPlace place = here();
    if (peek().kind == TokenKind::kString) {
      TRY(word, string_literal());
      return SchemaName{std::move(word), place};
    }
    // Reserved as it is for types, it names attributes and actions.
    if (accept("__cedar")) return SchemaName{"__cedar", place};
    TRY(word, identifier("a name"));
    return SchemaName{std::move(word), place};
  }

  Status declaration(SchemaNamespace& space, std::vector<Annotation> annotations) {
    if (accept("entity")) return entity(space, std::move(annotations));
    if (accept("action")) return action(space, std::move(annotations));
    if (accept("type")) return common(space, std::move(annotations));
    if (sees("namespace")) return refuse(peek(), "a namespace cannot stand in a namespace");
    return unexpected("`entity`, `action` or `type`");
  }

  Status common(SchemaNamespace& space, std::vector<Annotation> annotations) {
    SchemaCommon made;
    made.name.place = here();
    TRY(word, identifier("the name of a type"));
    made.name.name = std::move(word);
    CHECK_OK(want("="));
    TRY(of, type(0));
    made.type = std::move(of);
    made.annotations = std::move(annotations);
    space.commons.push_back(std::move(made));
    return want(";");
  }

  // Each name of a declaration gets a copy of its annotations and of all that stands behind the
  // names, from the token `from` on.
  Status copies(std::size_t names, std::size_t from, const std::vector<Annotation>& annotations) {
    std::size_t bytes = last_end() - tokens_[from].begin;
    for (const Annotation& each : annotations) bytes += each.name.size() + each.value.size();
    copied_ += (names - 1) * bytes;
    if (copied_ <= kMostCopied) return {};
    return tl::unexpected<Error>(source_->error(
        tokens_[from].begin, "too much is declared here for " + std::to_string(names) +
                                 " names at once; give it a name with `type`"));
  }

  Status entity(SchemaNamespace& space, std::vector<Annotation> annotations) {
    std::vector<SchemaName> names;
    do {
      SchemaName each{{}, here()};
      TRY(word, identifier("the name of an entity type"));
      each.name = std::move(word);
      names.push_back(std::move(each));
    } while (accept(","));
    const std::size_t from = next_;
    SchemaEntity made;
    made.annotations = std::move(annotations);
    if (accept("enum")) {
      made.enumerated = true;
      CHECK_OK(want("["));
      do {
        TRY(choice, string_literal());
        made.choices.push_back(std::move(choice));
      } while (accept(","));
      CHECK_OK(want("]"));
    } else {
      if (accept("in")) {
        TRY(parents, types());
        made.parents = std::move(parents);
      }
      made.shape.place = here();
      if (accept("=") || sees("{")) {
        if (!sees("{")) return unexpected("`{`");
        TRY(shape, type(0));
        made.shape = std::move(shape);
      }
      if (accept("tags")) {
        TRY(tags, type(0));
        made.tags = std::move(tags);
      }
    }
    CHECK_OK(want(";"));
    CHECK_OK(copies(names.size(), from, made.annotations));
    for (SchemaName& each : names) {
      made.name = std::move(each);
      space.entities.push_back(made);
    }
    return {};
  }

  Status action(SchemaNamespace& space, std::vector<Annotation> annotations) {
    std::vector<SchemaName> names;
    do {
      TRY(each, name());
      names.push_back(std::move(each));
    } while (accept(","));
    const std::size_t from = next_;
    SchemaAction made;
    made.annotations = std::move(annotations);
    if (accept("in")) {
      if (accept("[")) {
        do {
          TRY(parent, action_ref());
          made.parents.push_back(std::move(parent));
        } while (accept(","));
        CHECK_OK(want("]"));
      } else {
        TRY(parent, action_ref());
        made.parents.push_back(std::move(parent));
      }
    }
    if (accept("appliesTo")) CHECK_OK(applies_to(made));
    if (accept("attributes")) {
      CHECK_OK(want("{"));
      CHECK_OK(want("}"));
    }
    CHECK_OK(want(";"));
    CHECK_OK(copies(names.size(), from, made.annotations));
    for (SchemaName& each : names) {
      made.name = std::move(each);
      space.actions.push_back(made);
    }
    return {};
  }

  Result<SchemaActionRef> action_ref() {
    SchemaActionRef made{{}, {}, here()};
    const bool is_type = peek(1).kind == TokenKind::kSign && text(peek(1)) == "::";
    if (peek().kind == TokenKind::kString || !is_type) {
      TRY(id, name());
      made.id = std::move(id.name);
      return made;
    }
    TRY(type, path());
    if (accept("::")) {
      TRY(id, string_literal());
      made.type = std::move(type.name);
      made.id = std::move(id);
      return made;
    }
    return unexpected("`::` and the action's id");
  }

  Status applies_to(SchemaAction& action) {
    const Token& open = peek();
    CHECK_OK(want("{"));
    bool principal = false;
    bool resource = false;
    bool context = false;
    do {
      if (sees("}")) break;
      const Token& word = peek();
      const bool is_context = sees("context");
      bool& seen = is_context ? context : sees("principal") ? principal : resource;
      if (!is_context && !sees("principal") && !sees("resource")) {
        return unexpected("`principal`, `resource` or `context`");
      }
      if (std::exchange(seen, true)) {
        return refuse(word, "`" + std::string(text(word)) + "` stands twice");
      }
      take();
      CHECK_OK(want(":"));
      if (is_context) {
        TRY(of, type(0));
        if (of.shape == SchemaType::Shape::kSet) return refuse(word, "a context is a record");
        if (of.shape == SchemaType::Shape::kName) of.shape = SchemaType::Shape::kCommon;
        action.context = std::move(of);
        continue;
      }
      TRY(of, types());
      if (of.empty()) {
        return refuse(word,
                      "the list is empty; an action that applies to nothing has no appliesTo");
      }
      (&seen == &principal ? action.principals : action.resources) = std::move(of);
    } while (accept(","));
    CHECK_OK(want("}"));
    if (!principal) return refuse(open, "appliesTo has no `principal`");
    if (!resource) return refuse(open, "appliesTo has no `resource`");
    return {};
  }

  Result<std::vector<SchemaName>> types() {
    std::vector<SchemaName> made;
    if (!accept("[")) {
      TRY(only, path());
      made.push_back(std::move(only));
      return made;
    }
    if (accept("]")) return made;
    do {
      TRY(each, path());
      made.push_back(std::move(each));
    } while (accept(","));
    CHECK_OK(want("]"));
    return made;
  }

  Result<SchemaType> type(std::size_t depth) {
    if (depth >= kMaxSchemaDepth) return refuse(peek(), "types are nested too deeply here");
    SchemaType made;
    made.place = here();
    if (accept("{")) {
      CHECK_OK(attributes(made, depth));
      return made;
    }
    TRY(of, path());
    if (of.name == "Set" && accept("<")) {
      made.shape = SchemaType::Shape::kSet;
      TRY(element, type(depth + 1));
      made.element.push_back(std::move(element));
      CHECK_OK(want(">"));
      return made;
    }
    made.shape = SchemaType::Shape::kName;
    made.name = std::move(of.name);
    return made;
  }

  Status attributes(SchemaType& record, std::size_t depth) {
    std::vector<std::string> names;
    const Token& open = peek();
    while (!accept("}")) {
      SchemaAttribute made;
      TRY(given, annotations());
      made.annotations = std::move(given);
      TRY(word, name());
      made.name = std::move(word.name);
      made.required = !accept("?");
      CHECK_OK(want(":"));
      TRY(of, type(depth + 1));
      made.type = std::move(of);
      names.push_back(made.name);
      record.attributes.push_back(std::move(made));
      if (accept("}")) break;
      CHECK_OK(want(","));
    }
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) return refuse(open, "the attribute `" + *twice + "` stands twice");
    return {};
  }

  static constexpr std::size_t kMostCopied = 2 << 20;
  std::size_t copied_ = 0;  // bytes of text, for all names of declarations but the first
};

}  // namespace

Result<SchemaSyntax> parse_schema(std::string_view text, std::string_view file,
                                  const SchemaLimits& limits) {
  if (text.size() > limits.bytes) {
    return fail(Code::kInvalid,
                "the schema is longer than the " + std::to_string(limits.bytes) + " bytes allowed",
                std::string(file));
  }
  auto source = std::make_shared<const Source>(file, text);
  TRY(tokens, tokenize(*source));
  TRY(schema, SchemaParser(std::move(source), std::move(tokens)).schema());
  CHECK_OK(check_declarations(schema));
  return schema;
}

}  // namespace writ::cedar
