// Reads lines {"world", "writ"}: a schema with two policy sets `a` and `b`, and what Writ answered
// (tests/differential/writ_proofs.cc). Answers, for each environment of Writ's answer, what Cedar's
// symbolic compiler says of each property, and whether Cedar confirms Writ's counterexample.
use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, EntityUid, Policy, PolicyId, PolicySet,
    PrincipalConstraint, Request, RequestEnv, Schema, ValidationMode, Validator,
};
use cedar_policy_symcc::err::{Error, Result};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env};
use serde_json::{json, Map, Value};
use std::io::{BufRead, Write};
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(2);

type Prover = CedarSymCompiler<LocalSolver>;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn prover() -> Prover {
    let solver = LocalSolver::cvc5_with_args(["--strings-exp"]).expect("cvc5");
    CedarSymCompiler::new(solver).expect("a prover")
}

fn policies(texts: &Value) -> std::result::Result<PolicySet, String> {
    let mut set = PolicySet::new();
    for (i, each) in texts.as_array().into_iter().flatten().enumerate() {
        let id = Some(PolicyId::new(format!("p{i}")));
        let policy = Policy::parse(id, text(each)).map_err(|e| e.to_string())?;
        set.add(policy).map_err(|e| e.to_string())?;
    }
    Ok(set)
}

fn first(set: &PolicySet) -> &Policy {
    set.policy(&PolicyId::new("p0")).expect("a policy")
}

// An entity as Writ prints it; EntityUid::from_str reads one way of writing it alone.
fn uid(printed: &Value) -> std::result::Result<EntityUid, String> {
    let policy = format!("permit(principal == {}, action, resource);", text(printed));
    let policy = Policy::parse(None, policy).map_err(|e| e.to_string())?;
    match policy.principal_constraint() {
        PrincipalConstraint::Eq(uid) => Ok(uid),
        _ => Err("no entity".into()),
    }
}

// One of the two sets, and its first policy.
struct Side {
    set: PolicySet,
    one: CompiledPolicy,
    all: CompiledPolicySet,
}

fn compile(set: &PolicySet, env: &RequestEnv, schema: &Schema) -> Result<Side> {
    Ok(Side {
        set: set.clone(),
        one: CompiledPolicy::compile(first(set), env, schema)?,
        all: CompiledPolicySet::compile(set, env, schema)?,
    })
}

async fn refute(prover: &mut Prover, property: &str, a: &Side, b: &Side) -> Result<Option<Env>> {
    let p = prover;
    let (name, side) = match property.split_once(' ') {
        Some((name, "b")) => (name, b),
        Some((name, _)) => (name, a),
        None => (property, a),
    };
    match name {
        "never-errors" => {
            p.check_never_errors_with_counterexample_opt(&side.one)
                .await
        }
        "always-matches" => {
            p.check_always_matches_with_counterexample_opt(&side.one)
                .await
        }
        "never-matches" => {
            p.check_never_matches_with_counterexample_opt(&side.one)
                .await
        }
        "matches-equivalent" => {
            p.check_matches_equivalent_with_counterexample_opt(&a.one, &b.one)
                .await
        }
        "matches-implies" => {
            p.check_matches_implies_with_counterexample_opt(&a.one, &b.one)
                .await
        }
        "matches-disjoint" => {
            p.check_matches_disjoint_with_counterexample_opt(&a.one, &b.one)
                .await
        }
        "always-allows" => {
            p.check_always_allows_with_counterexample_opt(&side.all)
                .await
        }
        "always-denies" => {
            p.check_always_denies_with_counterexample_opt(&side.all)
                .await
        }
        "equivalent" => {
            p.check_equivalent_with_counterexample_opt(&a.all, &b.all)
                .await
        }
        "implies" => {
            p.check_implies_with_counterexample_opt(&a.all, &b.all)
                .await
        }
        "disjoint" => {
            p.check_disjoint_with_counterexample_opt(&a.all, &b.all)
                .await
        }
        _ => panic!("there is no property {property}"),
    }
}

// How a policy alone, or a set, answers a request.
fn matches(policy: &Policy, at: &Env) -> (bool, bool) {
    let set = PolicySet::from_policies([policy.clone()]).expect("one policy");
    let response = Authorizer::new().is_authorized(&at.request, &set, &at.entities);
    let diagnostics = response.diagnostics();
    let decided = match policy.effect() {
        Effect::Permit => Decision::Allow,
        Effect::Forbid => Decision::Deny,
    };
    let matched = response.decision() == decided && diagnostics.reason().next().is_some();
    let failed = diagnostics.errors().next().is_some();
    (matched, failed)
}
fn allows(set: &PolicySet, at: &Env) -> bool {
    Authorizer::new()
        .is_authorized(&at.request, set, &at.entities)
        .decision()
        == Decision::Allow
}

// Whether the property is broken in this request, as the evaluator has it.
fn is_broken(property: &str, a: &PolicySet, b: &PolicySet, at: &Env) -> bool {
    let (name, side) = match property.split_once(' ') {
        Some((name, "b")) => (name, b),
        Some((name, _)) => (name, a),
        None => (property, a),
    };
    let one = |set: &PolicySet| matches(first(set), at).0;
    match name {
        "never-errors" => matches(first(side), at).1,
        "always-matches" => !one(side),
        "never-matches" => one(side),
        "matches-equivalent" => one(a) != one(b),
        "matches-implies" => one(a) && !one(b),
        "matches-disjoint" => one(a) && one(b),
        "always-allows" => !allows(side, at),
        "always-denies" => allows(side, at),
        "equivalent" => allows(a, at) != allows(b, at),
        "implies" => allows(a, at) && !allows(b, at),
        "disjoint" => allows(a, at) && allows(b, at),
        _ => panic!("there is no property {property}"),
    }
}

// Writ's counterexample, valid under the schema.
fn world_of(printed: &str, schema: &Schema) -> std::result::Result<Env, String> {
    let given: Value = serde_json::from_str(printed).map_err(|e| why(&e))?;
    let request = &given["request"];
    let action = uid(&request["action"])?;
    let context = Context::from_json_value(request["context"].clone(), Some((schema, &action)))
        .map_err(|e| why(&e))?;
    Ok(Env {
        request: Request::new(
            uid(&request["principal"])?,
            action,
            uid(&request["resource"])?,
            context,
            Some(schema),
        )
        .map_err(|e| why(&e))?,
        entities: Entities::from_json_value(given["entities"].clone(), Some(schema))
            .map_err(|e| why(&e))?,
    })
}

fn why(error: &dyn std::error::Error) -> String {
    let mut made = error.to_string();
    let mut next = error.source();
    while let Some(each) = next {
        made += &format!(": {each}");
        next = each.source();
    }
    made
}

// A solver that takes too long is ended here, for it does not keep to a limit of its own.
async fn verdict(prover: &mut Prover, property: &str, a: &Side, b: &Side) -> Value {
    let Ok(refuted) = timeout(PATIENCE, refute(prover, property, a, b)).await else {
        let _ = prover.solver_mut().clean_up().await;
        *prover = self::prover();
        return json!({"verdict": "unknown", "why": "the time limit is reached"});
    };
    match refuted {
        Ok(None) => json!({"verdict": "holds"}),
        Ok(Some(at)) => json!({
            "verdict": "fails",
            "confirmed": is_broken(property, &a.set, &b.set, &at),
            "counterexample": at.to_string(),
        }),
        Err(error) => {
            let unknown = matches!(error, Error::SolverUnknown);
            if matches!(error, Error::SolverError(_)) {
                *prover = self::prover();
            }
            json!({"verdict": if unknown { "unknown" } else { "error" }, "why": why(&error)})
        }
    }
}

async fn environment(
    prover: &mut Prover,
    sets: [&PolicySet; 2],
    schema: &Schema,
    given: &Value,
) -> Value {
    let env = RequestEnv::new(
        text(&given["principal"]).parse().expect("a type"),
        uid(&given["action"]).expect("a uid"),
        text(&given["resource"]).parse().expect("a type"),
    );
    let sides =
        compile(sets[0], &env, schema).and_then(|a| Ok((a, compile(sets[1], &env, schema)?)));
    let mut verdicts = Map::new();
    for (property, writ) in given["verdicts"].as_object().into_iter().flatten() {
        let mut said = match &sides {
            Ok((a, b)) => verdict(prover, property, a, b).await,
            Err(error) => json!({"verdict": "refused", "why": why(error)}),
        };
        if let Some(counterexample) = writ.get("counterexample") {
            said["writ"] = match world_of(text(counterexample), schema) {
                Ok(at) => json!(is_broken(property, sets[0], sets[1], &at)),
                Err(error) => json!(error),
            };
        }
        verdicts.insert(property.clone(), said);
    }
    Value::Object(verdicts)
}

async fn answer(prover: &mut Prover, world: &Value, writ: &Value) -> Value {
    let schema = match Schema::from_cedarschema_str(text(&world["schema"])) {
        Ok((schema, _)) => schema,
        Err(error) => return json!({"refused": why(&error)}),
    };
    let mut sets = Vec::new();
    for side in ["a", "b"] {
        let set = match policies(&world[side]) {
            Ok(set) => set,
            Err(error) => return json!({"refused": error}),
        };
        let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        if let Some(error) = result.validation_errors().next() {
            return json!({"refused": error.to_string()});
        }
        sets.push(set);
    }
    let mut made = Vec::new();
    for each in writ["environments"].as_array().into_iter().flatten() {
        made.push(environment(prover, [&sets[0], &sets[1]], &schema, each).await);
    }
    json!({"environments": made, "count": schema.request_envs().count()})
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut prover = prover();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let made = answer(&mut prover, &asked["world"], &asked["writ"]).await;
        writeln!(out, "{made}").expect("standard output");
        out.flush().expect("standard output");
    }
}
