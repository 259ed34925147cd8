//! Cedar in Rust (crate cedar-policy) in a scenario of ../scenarios.py.
use std::collections::HashMap;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::time::Instant;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, Response, SlotId,
};
use serde::Deserialize;

type Error = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct Hierarchy {
    entities: serde_json::Value,
    /// Pairs of a user and a resource, by their ids.
    #[serde(default)]
    grants: Vec<(String, String)>,
    requests: Vec<[String; 6]>,
}

/// Policies and entities, and the names of types, which are parsed once: parsing one costs more
/// than most decisions.
struct Engine {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    types: HashMap<String, EntityTypeName>,
}

impl Engine {
    fn load(policies: &PolicySet, hierarchy: &Hierarchy) -> Result<Self, Error> {
        let mut engine = Self {
            authorizer: Authorizer::new(),
            policies: policies.clone(),
            entities: Entities::from_json_value(hierarchy.entities.clone(), None)?,
            types: HashMap::new(),
        };
        for entity in engine.entities.iter() {
            let name = entity.uid().type_name().clone();
            engine.types.entry(name.to_string()).or_insert(name);
        }
        for (n, (user, resource)) in hierarchy.grants.iter().enumerate() {
            let slots = HashMap::from([
                (SlotId::principal(), engine.uid("User", user)),
                (SlotId::resource(), engine.uid("Resource", resource)),
            ]);
            engine.policies.link(
                PolicyId::new("grant"),
                PolicyId::new(format!("grant{n}")),
                slots,
            )?;
        }
        Ok(engine)
    }

    fn uid(&self, type_name: &str, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.types[type_name].clone(), EntityId::new(id))
    }

    fn decide(&self, asked: &[String; 6]) -> Response {
        let request = Request::new(
            self.uid(&asked[0], &asked[1]),
            self.uid(&asked[2], &asked[3]),
            self.uid(&asked[4], &asked[5]),
            Context::empty(),
            None,
        )
        .expect("without a schema every request is valid");
        self.authorizer
            .is_authorized(&request, &self.policies, &self.entities)
    }
}

/// The policies by their `@id`.
fn parse_policies(text: &str) -> Result<PolicySet, Error> {
    let parsed: PolicySet = text.parse()?;
    let mut named = PolicySet::new();
    for policy in parsed.policies() {
        let id = policy.annotation("id").unwrap_or_default();
        named.add(policy.new_id(PolicyId::new(id)))?;
    }
    for template in parsed.templates() {
        let id = template.annotation("id").unwrap_or_default();
        named.add_template(template.new_id(PolicyId::new(id)))?;
    }
    Ok(named)
}

/// The smallest of sorted values that `percent` of them do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn nanoseconds_since(from: Instant) -> u64 {
    from.elapsed().as_nanos() as u64
}

/// What reading the clock twice costs, with nothing between.
fn clock_cost() -> u64 {
    let mut costs: Vec<u64> = (0..100_000)
        .map(|_| nanoseconds_since(Instant::now()))
        .collect();
    costs.sort_unstable();
    percentile(&costs, 50)
}

fn run(policies: &str, hierarchies: &str, scenario: &str) -> Result<(), Error> {
    let policies = parse_policies(&std::fs::read_to_string(policies)?)?;
    let clock = clock_cost();
    let mut times = Vec::new();
    let mut allows = 0;
    let mut decisions: u64 = 0xcbf29ce484222325;
    for line in BufReader::new(std::fs::File::open(hierarchies)?).lines() {
        let hierarchy: Hierarchy = serde_json::from_str(&line?)?;
        let engine = Engine::load(&policies, &hierarchy)?;
        for asked in &hierarchy.requests {
            let allow = engine.decide(asked).decision() == Decision::Allow;
            allows += usize::from(allow);
            let answer = if allow { b'1' } else { b'0' };
            decisions = (decisions ^ u64::from(answer)).wrapping_mul(0x100000001b3);
        }
        for asked in &hierarchy.requests {
            let from = Instant::now();
            let response = engine.decide(asked);
            times.push(nanoseconds_since(from).saturating_sub(clock));
            black_box(response);
        }
    }
    if times.is_empty() {
        return Err(format!("no requests in {hierarchies}").into());
    }
    times.sort_unstable();
    println!(
        "{{\"scenario\":\"{scenario}\",\"engine\":\"cedar-rust\",\"median_ns\":{},\"p99_ns\":{},\
         \"requests\":{},\"allows\":{allows},\"decisions\":\"{decisions:016x}\"}}",
        percentile(&times, 50),
        percentile(&times, 99),
        times.len()
    );
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, policies, hierarchies, scenario] = args.as_slice() else {
        eprintln!("usage: cedar-rust POLICIES HIERARCHIES SCENARIO");
        std::process::exit(2);
    };
    if let Err(error) = run(policies, hierarchies, scenario) {
        eprintln!("cedar-rust: {error}");
        std::process::exit(1);
    }
}
