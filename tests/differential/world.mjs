// One world: schema, policies, templates with links, entities, requests. Its size follows from
// `random` alone, so a seed and a number name it.
import { ids, quoted, strings } from './corners.mjs';
import { Data } from './data.mjs';
import { Expressions } from './expressions.mjs';
import { makeSchema, schemaText } from './schema.mjs';

export const kRequests = 8;

export function makeWorld(random) {
  const schema = makeSchema(random);
  const known = makeUids(random, schema);
  const data = new Data(random, schema, known);
  const policies = {};
  const templates = {};
  const links = [];
  const count = random.between(1, 6);
  for (let i = 0; i < count; ++i) policies[`p${i}`] = makePolicy(random, schema, known, []);
  if (random.chance(0.4)) {
    const slots = random.pick([['principal'], ['resource'], ['principal', 'resource']]);
    templates.t0 = makePolicy(random, schema, known, slots);
    for (let i = random.below(3); i > 0; --i) {
      const values = {};
      for (const slot of slots) values[`?${slot}`] = random.pick(known);
      links.push({ templateId: 't0', newId: `l${i}`, values });
    }
  }
  return {
    forms: random.chance(0.25), // whether JSON, printed and formatted forms are compared too
    schema: random.chance(0.03) ? broken(random, schemaText(random, schema)) : schemaText(random, schema),
    policies,
    templates,
    links,
    entities: data.entities(),
    requests: random.list(kRequests, () => data.request()),
  };
}

function makeUids(random, schema) {
  const known = [];
  for (const { name, choices } of schema.entities) {
    const some = choices ?? random.some(ids, 0.35);
    for (const id of some.length ? some : ['a']) known.push({ type: name, id });
  }
  for (const { type, id } of schema.actions) known.push({ type, id });
  return known;
}

function makePolicy(random, schema, known, slots) {
  const action = random.pick(schema.actions);
  const types = {
    entities: schema.entities,
    principal: { kind: 'entity', type: random.pick(action.principals) },
    resource: { kind: 'entity', type: random.pick(action.resources) },
    context: action.context,
  };
  const expressions = new Expressions(random, types, known);
  const scope = (name) => {
    const slot = slots.includes(name);
    const type = types[name].type;
    const uid = () => (slot ? `?${name}` : expressions.uid(random.chance(0.8) ? type : undefined));
    const is = random.chance(0.9) ? type : expressions.entityTypeName();
    return name + random.weighted(
      slot ? 0 : 4, () => '',
      2, () => ` == ${uid()}`,
      3, () => ` in ${uid()}`,
      slot ? 0 : 2, () => ` is ${is}`,
      1, () => ` is ${is} in ${uid()}`,
    );
  };
  const actionUid = () => {
    const { type, id } = random.chance(0.9) ? action : random.pick(schema.actions);
    return `${type}::${quoted(random, id)}`;
  };
  const actions = 'action' + random.weighted(
    2, () => '',
    4, () => ` == ${actionUid()}`,
    2, () => ` in ${actionUid()}`,
    2, () => ` in [${random.list(random.below(4), actionUid).join(', ')}]`,
  );
  let text = '';
  if (random.chance(0.15)) {
    text += random.pick(['@id("x")', '@a', '@a("")', `@doc(${quoted(random, random.pick(strings))})`,
      '@if("keyword")', '@a @b', '@a @a']) + '\n';
  }
  text += `${random.pick(['permit', 'permit', 'forbid'])} (${scope('principal')}, ${actions}, ` +
          `${scope('resource')}${random.chance(0.1) ? ',' : ''})`;
  for (let i = random.weighted(2, () => 0, 6, () => 1, 2, () => 2); i > 0; --i) {
    if (random.chance(0.1)) text += ' // why not\n';
    const keyword = random.pick(['when', 'when', 'unless']);
    text += ` ${keyword} { ${expressions.condition(random.between(1, 4))} }`;
  }
  text += ';';
  return random.chance(0.06) ? broken(random, text) : text;
}

// One small change of the text: most of them make it no policy.
function broken(random, text) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|\w+|\s+|[^\w\s]/gsu) ?? [text];
  const at = random.below(tokens.length);
  const other = random.pick([...tokens, '::', '.', '(', ')', ',', '-', '!', '"', '"\\q"', '*', ';', '&&', '%',
    '1', '"\\u{110000}"', 'in', 'has', 'is', 'if', 'ip', '?principal', '==', '=', '<', '/', '\u00a0', '0x1']);
  random.pick([
    () => tokens.splice(at, 1),
    () => tokens.splice(at, 0, other),
    () => tokens.splice(at, 1, other),
    () => tokens.splice(at, 1, tokens[at], tokens[at]),
  ])();
  return tokens.join('');
}
