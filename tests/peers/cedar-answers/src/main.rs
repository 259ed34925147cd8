// Reads lines {"world", "writ"}: a world of tests/differential/world.mjs, and what Writ answered to it.
// Answers what the crate makes of the world; of Writ's answer it only reads the printed policies.
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, Policy, PolicyId, PolicySet, Request,
    Schema, SchemaFragment, SlotId, Template, ValidationMode, ValidationResult, Validator,
};
use cedar_policy_formatter::{policies_str_to_pretty, Config};
use serde_json::{json, Map, Value};
use std::collections::HashMap;
use std::io::{BufRead, Write};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn uid(value: &Value) -> EntityUid {
    EntityUid::from_json(value.clone()).expect("a uid")
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

// The JSON of the policy or template that the text is.
fn to_json(source: &str, template: bool) -> Result<Value, String> {
    if template {
        let read = Template::parse(None, source).map_err(|e| e.to_string())?;
        read.to_json().map_err(|e| e.to_string())
    } else {
        let read = Policy::parse(None, source).map_err(|e| e.to_string())?;
        read.to_json().map_err(|e| e.to_string())
    }
}

// The forms of a policy that parses: JSON, formatted, and the JSON of what Writ printed.
fn forms(source: &str, template: bool, writ: &Value) -> Value {
    let formatted = policies_str_to_pretty(source, &Config::default());
    let printed = match writ.get("printed") {
        Some(printed) => to_json(text(printed), template).unwrap_or_else(|e| json!(e)),
        None => Value::Null,
    };
    json!({"json": to_json(source, template).expect("JSON"),
           "formatted": formatted.unwrap_or_else(|e| e.to_string()), "printed": printed})
}

// By id: false for what is refused, else true, or its forms where the world wants them.
fn read(world: &Value, writ: &Value, member: &str, set: &mut PolicySet) -> Value {
    let template = member == "templates";
    let mut answers = Map::new();
    for (id, source) in members(&world[member]) {
        let id_of = Some(PolicyId::new(id));
        let accepted = if template {
            Template::parse(id_of, text(source)).is_ok_and(|read| set.add_template(read).is_ok())
        } else {
            Policy::parse(id_of, text(source)).is_ok_and(|read| set.add(read).is_ok())
        };
        let answer = if accepted && world["forms"] == true {
            forms(text(source), template, &writ[member][id])
        } else {
            json!(accepted)
        };
        answers.insert(id.clone(), answer);
    }
    Value::Object(answers)
}

fn link(world: &Value, set: &mut PolicySet) -> Value {
    let mut linked = Map::new();
    for link in world["links"].as_array().into_iter().flatten() {
        let mut values = HashMap::new();
        for (slot, value) in members(&link["values"]) {
            let slot = if slot == "?principal" {
                SlotId::principal()
            } else {
                SlotId::resource()
            };
            values.insert(slot, uid(value));
        }
        let id = text(&link["newId"]);
        let made = set.link(
            PolicyId::new(text(&link["templateId"])),
            PolicyId::new(id),
            values,
        );
        linked.insert(id.to_string(), json!(made.is_ok()));
    }
    Value::Object(linked)
}

fn verdict(result: ValidationResult) -> Value {
    let mut errors = Map::new();
    for each in result.validation_errors() {
        errors.insert(each.policy_id().to_string(), json!(each.to_string()));
    }
    let mut warnings = Map::new();
    for each in result.validation_warnings() {
        warnings.insert(each.policy_id().to_string(), json!(each.to_string()));
    }
    json!({"errors": errors, "warnings": warnings})
}

fn decide(world: &Value, set: &PolicySet, schema: Option<&Schema>) -> Value {
    let Ok(entities) = Entities::from_json_value(world["entities"].clone(), schema) else {
        return json!(false);
    };
    let authorizer = Authorizer::new();
    let answer = |given: &Value| -> Value {
        let action = uid(&given["action"]);
        let typed = schema.map(|schema| (schema, &action));
        let Ok(context) = Context::from_json_value(given["context"].clone(), typed) else {
            return json!(false);
        };
        let made = Request::new(
            uid(&given["principal"]),
            action.clone(),
            uid(&given["resource"]),
            context,
            schema,
        );
        let Ok(request) = made else {
            return json!(false);
        };
        let response = authorizer.is_authorized(&request, set, &entities);
        let mut errors = Map::new();
        for each in response.diagnostics().errors() {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = each;
            errors.insert(error.policy_id().to_string(), json!(each.to_string()));
        }
        let reasons: Vec<String> = response
            .diagnostics()
            .reason()
            .map(|id| id.to_string())
            .collect();
        let decision = if response.decision() == Decision::Allow {
            "allow"
        } else {
            "deny"
        };
        json!({"decision": decision, "reasons": reasons, "errors": errors})
    };
    let requests = world["requests"].as_array().expect("requests");
    Value::Array(requests.iter().map(answer).collect())
}

fn answer(world: &Value, writ: &Value) -> Value {
    let mut made = Map::new();
    let source = text(&world["schema"]);
    let schema = Schema::from_cedarschema_str(source)
        .ok()
        .map(|(schema, _)| schema);
    let json = match &schema {
        Some(_) if world["forms"] == true => {
            let (fragment, _) = SchemaFragment::from_cedarschema_str(source).expect("a schema");
            fragment.to_json_value().expect("JSON of a schema")
        }
        _ => json!(schema.is_some()),
    };
    made.insert("schema".into(), json);
    let mut set = PolicySet::new();
    for member in ["policies", "templates"] {
        made.insert(member.into(), read(world, writ, member, &mut set));
    }
    made.insert("links".into(), link(world, &mut set));
    if let Some(schema) = &schema {
        let validator = Validator::new(schema.clone());
        made.insert(
            "strict".into(),
            verdict(validator.validate(&set, ValidationMode::Strict)),
        );
        made.insert(
            "permissive".into(),
            verdict(validator.validate(&set, ValidationMode::Permissive)),
        );
        made.insert(
            "level 1".into(),
            verdict(validator.validate_with_level(&set, ValidationMode::Strict, 1)),
        );
        made.insert("typed".into(), decide(world, &set, Some(schema)));
    }
    made.insert("plain".into(), decide(world, &set, None));
    Value::Object(made)
}

fn main() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let made = answer(&asked["world"], &asked["writ"]);
        writeln!(out, "{made}").expect("standard output");
        out.flush().expect("standard output");
    }
}
