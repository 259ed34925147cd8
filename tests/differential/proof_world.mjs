// Worlds for proofs: a schema, candidates for policies made for one environment, and samples, which
// are all entities that policies name and requests of that environment. Two sets `a` and `b` are made
// of the candidates that are valid; b is often a with small changes, so that it is not plain how they
// compare.
import { ids, quoted } from './corners.mjs';
import { Data } from './data.mjs';
import { Expressions } from './expressions.mjs';
import { makeSchema, schemaText } from './schema.mjs';

const kCandidates = 10;
const kSamples = 40;

// Where entities may be `missing` some are, and proofs must not take for granted that they are there.
export function makeProofWorld(random, { missing = false } = {}) {
  const schema = makeSchema(random);
  for (const action of schema.actions) action.applies = true;
  const known = [];
  for (const { name, choices } of schema.entities) {
    const some = choices ?? new Set(random.list(4, () => random.pick(ids)));
    for (const id of some) known.push({ type: name, id });
  }
  for (const { type, id } of schema.actions) known.push({ type, id });
  const action = random.pick(schema.actions);
  const types = {
    entities: schema.entities,
    principal: { kind: 'entity', type: random.pick(action.principals) },
    resource: { kind: 'entity', type: random.pick(action.resources) },
    context: action.context,
  };
  const expressions = new ProofExpressions(random, types, known, 0);
  const candidates = random.list(kCandidates, () => makeRule(random, schema, action, types, expressions));
  const data = new Data(random, schema, known, { mistaken: false, missing: missing ? 0.3 : 0, strangers: 0 });
  const environment = environmentOf(random, action, types.principal.type, types.resource.type);
  const environments = [environment];
  if (random.chance(0.3)) {
    const other = random.pick(schema.actions);
    environments.push(environmentOf(random, other, random.pick(other.principals), random.pick(other.resources)));
  }
  return {
    missing,
    schema: schemaText(random, schema),
    candidates,
    environments,
    samples: {
      entities: data.entities(),
      requests: random.list(kSamples, () => ({
        principal: data.uid(environment.principal), action: { type: action.type, id: action.id },
        resource: data.uid(environment.resource), context: data.fields(action.context) })),
    },
  };
}

// Expressions with what a proof finds hard: tags that are read where they are there, arithmetic that
// may overflow, times of day.
class ProofExpressions extends Expressions {
  // No other entities: all that policies name are among the samples.
  uid(type) {
    const of = this.known.filter((each) => each.type === type);
    if (!of.length) return super.uid(type);
    const { id } = this.random.pick(of);
    return `${type}::${quoted(this.random, id)}`;
  }

  bool(depth = 0) {
    const { random } = this;
    if (depth <= 0 || !random.chance(0.15)) return super.bool(depth);
    return random.weighted(
      3, () => this.tagged(depth - 1) ?? super.bool(depth),
      1, () => {
        const left = this.path({ kind: 'long' }) ?? this.long(depth - 1);
        const right = this.path({ kind: 'long' }) ?? random.pick(['1', '-1', '2', '1000', '9223372036854775807']);
        return `${left} ${random.pick(['+', '-', '*'])} ${right} ${random.pick(['<', '==', '>='])} ${left}`;
      },
      1, () => {
        const at = this.path({ kind: 'extension', name: 'datetime' });
        if (!at) return super.bool(depth);
        const since = `${at}.durationSince(${this.extension(depth - 1, { name: 'datetime' })})`;
        return random.pick([`${at}.toTime() < duration("12h")`, `${at}.toDate() <= ${at}`,
          `${since}.toDays() > 0`, `${since}.toHours() * 60 <= ${since}.toMinutes()`,
          `${at}.toDate().offset(${at}.toTime()) == ${at}`]);
      },
    );
  }

  tagged(depth) {
    const { random } = this;
    const type = random.pick(this.types.entities);
    if (!type.tags) return null;
    const of = `(${this.make({ kind: 'entity', type: type.name }, depth)})`;
    const key = this.make({ kind: 'string' }, depth);
    const tag = `${of}.getTag(${key})`;
    const kind = type.tags.kind;
    const used = kind === 'bool' ? tag
      : kind === 'long' ? `${tag} ${random.pick(['<', '>='])} ${this.long(depth)}`
        : kind === 'set' && random.chance(0.5) ? `${tag}.contains(${this.make(type.tags.element, depth)})`
          : `${tag} ${random.pick(['==', '!='])} ${this.make(type.tags, depth)}`;
    return `(${of}.hasTag(${key}) && ${used})`;
  }
}

const uidText = (random, { type, id }) => `${type}::${quoted(random, id)}`;
const environmentOf = (random, action, principal, resource) =>
  ({ principal, action: uidText(random, action), resource });

// A policy in parts.
function makeRule(random, schema, action, types, expressions) {
  const scope = (name) => {
    const uid = () => expressions.uid(random.chance(0.6) ? types[name].type : expressions.entityTypeName());
    return random.weighted(
      6, () => '',
      1, () => ` == ${expressions.uid(types[name].type)}`,
      3, () => ` in ${uid()}`,
      1, () => ` is ${types[name].type}`,
      1, () => ` is ${types[name].type} in ${uid()}`,
    );
  };
  return {
    effect: random.pick(['permit', 'permit', 'forbid']),
    principal: scope('principal'),
    action: random.weighted(
      5, () => '',
      2, () => ` == ${uidText(random, action)}`,
      1, () => ` in ${uidText(random, random.pick(schema.actions))}`,
      1, () => ` in [${[action, random.pick(schema.actions)].map((each) => uidText(random, each)).join(', ')}]`,
    ),
    resource: scope('resource'),
    clauses: random.list(random.weighted(1, () => 0, 6, () => 1, 3, () => 2), () => ({
      keyword: random.pick(['when', 'when', 'when', 'unless']),
      body: expressions.condition(random.between(1, 3)),
    })),
  };
}

export function ruleText({ effect, principal, action, resource, clauses }) {
  return `${effect} (principal${principal}, action${action}, resource${resource})` +
    clauses.map(({ keyword, body }) => `\n${keyword} { ${body} }`).join('') + ';';
}

// The sets to compare, of rules that are valid. Those that were changed may not be.
export function makeSets(random, rules) {
  const some = () => random.list(random.weighted(4, () => 1, 2, () => 2, 1, () => 3),
    () => random.pick(rules));
  const a = some();
  if (random.chance(0.25)) return { a, b: some() };
  const b = a.slice();
  for (let i = random.between(1, 2); i > 0; --i) {
    random.weighted(
      8, () => {
        const at = random.below(b.length);
        b[at] = change(random, b[at]);
      },
      1, () => b.push(random.pick(rules)),
      1, () => b.reverse(),
      1, () => b.length > 1 && b.pop(),
      1, () => b.push(change(random, random.pick(b))),
    );
  }
  return random.chance(0.5) ? { a, b } : { a: b, b: a };
}

// What stands for a token of a condition after a change.
const kOther = new Map(Object.entries({ '&&': ['||'], '||': ['&&'], '==': ['!=', 'in'], in: ['=='], '!=': ['=='],
  '<': ['<=', '>', '>='], '<=': ['<', '>', '>='], '>': ['<', '>=', '<='], '>=': ['>', '<', '<='], '+': ['-', '*'],
  '-': ['+'], '*': ['+', '-'], true: ['false'], false: ['true'],
  containsAll: ['containsAny'], containsAny: ['containsAll'], principal: ['resource'],
  resource: ['principal'], lessThan: ['lessThanOrEqual', 'greaterThan'], greaterThan: ['lessThan'],
  lessThanOrEqual: ['lessThan'], greaterThanOrEqual: ['greaterThan'], isIpv4: ['isIpv6'],
  isIpv6: ['isIpv4'], isLoopback: ['isMulticast'], '!': [''], '"a"': ['"b"', '""'], '"b"': ['"a"'],
  toSeconds: ['toMilliseconds'], toMinutes: ['toSeconds'], toHours: ['toMinutes'], toDays: ['toHours'] }));

function change(random, rule) {
  const made = { ...rule, clauses: rule.clauses.map((each) => ({ ...each })) };
  if (!made.clauses.length && random.chance(0.5)) {
    return { ...made, clauses: [{ keyword: 'when', body: random.pick(['true', 'principal == principal']) }] };
  }
  const clause = random.pick(made.clauses);
  const inside = clause ? 1 : 0; // how much a change of a clause is wanted
  random.weighted(
    10 * inside, () => { clause.body = otherToken(random, clause.body); },
    // The next ones say the same in other words, unless something fails.
    2 * inside, () => {
      clause.keyword = clause.keyword === 'when' ? 'unless' : 'when';
      clause.body = `!(${clause.body})`;
    },
    inside, () => { clause.body = `if ${clause.body} then true else false`; },
    inside, () => { clause.body = `(${clause.body}) && (${clause.body})`; },
    inside, () => { clause.body = `(${clause.body}) || (${clause.body})`; },
    inside, () => { clause.body = `(${clause.body}) == true`; },
    1, () => made.clauses.reverse(),
    1, () => {
      if (made.clauses.length !== 2 || made.clauses.some(({ keyword }) => keyword === 'unless')) return;
      made.clauses = [{ keyword: 'when', body: made.clauses.map(({ body }) => `(${body})`).join(' && ') }];
    },
    2, () => made.clauses.pop(),
    4, () => {
      const part = random.pick(['principal', 'resource']);
      made[part] = made[part].replace(/^ (==|in) /, (_, op) => (op === 'in' ? ' == ' : ' in '));
    },
    1, () => { made.effect = made.effect === 'permit' ? 'forbid' : 'permit'; },
    1, () => { made.principal = ''; made.resource = ''; },
  );
  return made;
}

function otherToken(random, text) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|\w+|\s+|&&|\|\||[=!<>]=|[^\w\s]/gsu) ?? [text];
  const places = [...tokens.keys()].filter((i) => kOther.has(tokens[i]) || /^[0-9]{1,15}$/.test(tokens[i]));
  if (!places.length) return `!(${text})`;
  const at = random.pick(places);
  tokens[at] = kOther.has(tokens[at]) ? random.pick(kOther.get(tokens[at])) : String(Number(tokens[at]) + 1);
  return tokens.join('');
}
