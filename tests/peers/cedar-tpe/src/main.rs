// Reads one case a line, {"schema", "policies", "request", "entities"}, the request as a file of
// `cedar tpe --request-json`. Answers {"decision", "policies"} with what became of each policy, or
// {"error"}.
use cedar_policy::{
    Context, Decision, EntityId, EntityTypeName, EntityUid, PartialEntities, PartialEntityUid,
    PartialRequest, PolicySet, Schema,
};
use serde_json::{json, Map, Value};
use std::io::{BufRead, Write};
use std::str::FromStr;

fn text<E: std::fmt::Debug>(error: E) -> String {
    format!("{error:?}")
}

fn uid(of_type: &Value, id: &Value) -> Result<PartialEntityUid, String> {
    let name = EntityTypeName::from_str(of_type.as_str().unwrap_or("")).map_err(text)?;
    Ok(PartialEntityUid::new(name, id.as_str().map(EntityId::new)))
}

fn answer(case: &Value) -> Result<Value, String> {
    let (schema, _) =
        Schema::from_cedarschema_str(case["schema"].as_str().unwrap_or("")).map_err(text)?;
    let policies = PolicySet::from_str(case["policies"].as_str().unwrap_or("")).map_err(text)?;
    let parts = &case["request"];
    let action = EntityUid::from_str(parts["action"].as_str().unwrap_or("")).map_err(text)?;
    let context = match &parts["context"] {
        Value::Null => None,
        known => {
            Some(Context::from_json_value(known.clone(), Some((&schema, &action))).map_err(text)?)
        }
    };
    let request = PartialRequest::new(
        uid(&parts["principal_type"], &parts["principal_eid"])?,
        action,
        uid(&parts["resource_type"], &parts["resource_eid"])?,
        context,
        &schema,
    )
    .map_err(text)?;
    let entities =
        PartialEntities::from_json_value(case["entities"].clone(), &schema).map_err(text)?;
    let response = policies.tpe(&request, &entities, &schema).map_err(text)?;
    let mut became = Map::new();
    for id in response.true_permits().chain(response.true_forbids()) {
        became.insert(id.to_string(), json!("true"));
    }
    for id in response.false_permits().chain(response.false_forbids()) {
        became.insert(id.to_string(), json!("false"));
    }
    for id in response.error_permits().chain(response.error_forbids()) {
        became.insert(id.to_string(), json!("error"));
    }
    for id in response.residual_permits().chain(response.residual_forbids()) {
        became.insert(id.to_string(), json!("residual"));
    }
    let decision = match response.decision() {
        Some(Decision::Allow) => "allow",
        Some(Decision::Deny) => "deny",
        None => "unknown",
    };
    Ok(json!({"decision": decision, "policies": became}))
}

fn main() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let made = answer(&case).unwrap_or_else(|error| json!({ "error": error }));
        writeln!(out, "{made}").expect("standard output");
    }
}
