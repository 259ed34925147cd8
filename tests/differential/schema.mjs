// Schemas: a model of types, from which policies and entities are made too, and its text.
import { ids, isBare, names, oddNames, quoted } from './corners.mjs';

const kNamespaces = ['', '', 'N', 'A::B'];
const kTypeNames = ['User', 'Group', 'Doc', 'Box', 'Long', 'ipaddr', 'Kind'];
const kNamedNames = ['T', 'Said', 'Part', 'Kind', 'User', 'decimal'];
// Some of these can be no common type, and some only inside a namespace.
const kOwnNames = ['Bool', 'Boolean', 'Long', 'String', 'Set', 'Record', 'Entity', 'Extension', 'ipaddr',
  'datetime', 'duration', 'type', 'in', '__cedar'];

// {kind: bool long string entity set record extension, …}. A common type of the schema (`named`) is
// the same object wherever it stands.
export function makeType(random, entities, depth = 2, named = []) {
  if (named.length && random.chance(0.25)) return random.pick(named).type;
  return random.weighted(
    3, () => ({ kind: 'bool' }),
    4, () => ({ kind: 'long' }),
    4, () => ({ kind: 'string' }),
    4, () => (entities.length ? { kind: 'entity', type: random.pick(entities).name } : { kind: 'bool' }),
    4, () => ({ kind: 'extension', name: random.pick(['ipaddr', 'decimal', 'datetime', 'duration']) }),
    depth > 0 ? 3 : 0, () => ({ kind: 'set', element: makeType(random, entities, depth - 1, named) }),
    depth > 0 ? 3 : 0, () => makeRecord(random, entities, depth - 1, named),
  );
}

export function makeRecord(random, entities, depth = 2, named = []) {
  const attributes = {};
  for (const name of random.some(names, 0.45)) attributes[name] = attribute();
  if (random.chance(0.2)) attributes[random.pick(oddNames)] = attribute();
  return { kind: 'record', attributes };
  function attribute() {
    return { type: makeType(random, entities, depth, named), required: random.chance(0.7) };
  }
}

// Common types, by name: records, sets, others, and other common types under a second name.
function makeNamed(random, entities, shadows) {
  const named = [];
  for (let i = random.chance(0.6) ? 0 : random.between(1, 4); i > 0; --i) {
    const namespace = random.pick(kNamespaces);
    const local = random.pick(random.chance(0.03) ? kOwnNames : kNamedNames);
    const own = !namespace && local === 'decimal';
    const is = (each) => each.namespace === namespace && each.local === local;
    if ((own || named.some(is) || entities.some(is)) && !random.chance(0.02)) continue;
    if (shadows([...entities, ...named], namespace, (each) => each.local === local)) continue;
    const other = random.chance(0.15) && named.length ? random.pick(named) : null;
    const type = other ? { ...other.type, alias: other }
      : random.chance(0.6) ? makeRecord(random, entities, 1, named) : makeType(random, entities, 1);
    const cyclic = type.kind === 'record' && !other && random.chance(0.02);
    named.push({ name: namespace ? `${namespace}::${local}` : local, namespace, local, type, cyclic });
  }
  return named;
}

function makeContext(random, entities, named) {
  const records = named.filter(({ type }) => type.kind === 'record');
  if (records.length && random.chance(0.4)) return random.pick(records).type;
  return random.chance(0.7) ? makeRecord(random, entities, 2, named) : { kind: 'record', attributes: {} };
}

export function makeSchema(random) {
  const entities = [];
  const taken = new Set();
  const shadowing = random.chance(0.05); // a name in a namespace may also stand in none: refused
  const shadows = (list, namespace, equal) => !shadowing &&
    list.some((each) => equal(each) && (each.namespace === '' || namespace === ''));
  const count = random.between(2, 5);
  for (let i = 0; i < count; ++i) {
    const namespace = random.pick(kNamespaces);
    const local = random.pick(kTypeNames);
    const name = namespace ? `${namespace}::${local}` : local;
    // Cedar's own names are shadowed inside namespaces alone.
    if (taken.has(name) || (!namespace && (local === 'Long' || local === 'ipaddr'))) continue;
    if (shadows(entities, namespace, (each) => each.local === local)) continue;
    taken.add(name);
    entities.push({ name, namespace, local, parents: [], record: null, tags: null, choices: null });
  }
  if (entities.length === 0) {
    entities.push({ name: 'User', namespace: '', local: 'User', parents: [], record: null });
  }
  const common = makeNamed(random, entities, shadows);
  for (const entity of entities) {
    if (random.chance(0.12)) {
      entity.choices = [...new Set(random.list(random.between(1, 3), () => random.pick(ids)))];
      entity.record = { kind: 'record', attributes: {} };
      continue;
    }
    entity.parents = random.some(entities, 0.4).map((each) => each.name);
    entity.record = makeRecord(random, entities, 2, common);
    if (random.chance(0.4)) entity.tags = makeType(random, entities, 1, common);
  }
  const actions = [];
  const actionCount = random.between(1, 5);
  for (let i = 0; i < actionCount; ++i) {
    const namespace = random.pick(kNamespaces);
    const id = random.pick(['view', 'edit', 'all', ...ids]);
    const type = namespace ? `${namespace}::Action` : 'Action';
    if (actions.some((each) => each.type === type && each.id === id)) continue;
    if (shadows(actions, namespace, (each) => each.id === id)) continue;
    const named = () => {
      const some = random.some(entities, 0.5);
      return (some.length ? some : [random.pick(entities)]).map((each) => each.name);
    };
    actions.push({
      type, id, namespace,
      parents: random.some(actions, 0.4).map(({ type, id }) => ({ type, id })),
      applies: random.chance(0.85),
      principals: named(),
      resources: named(),
      context: makeContext(random, entities, common),
    });
  }
  return { entities, actions, common };
}

// A type as it is written in a namespace: `at` has that, and the common types by what they are.
function typeText(random, type, at) {
  const common = at.named.get(type) ?? type.alias;
  if (common) return common.namespace === at.namespace && random.chance(0.7) ? common.local : common.name;
  return bodyText(random, type, at);
}

function bodyText(random, type, at) {
  const cedar = (name) => (random.chance(0.8) ? '' : '__cedar::') + name;
  switch (type.kind) {
    case 'bool': return '__cedar::Bool';
    case 'long': return '__cedar::Long';
    case 'string': return cedar('String');
    case 'entity': return type.type;
    case 'set': return `Set<${typeText(random, type.element, at)}>`;
    case 'record': return recordText(random, type, at);
    case 'extension': return `__cedar::${type.name}`;
  }
}

function recordText(random, record, at, more = []) {
  const parts = Object.entries(record.attributes).map(([name, { type, required }]) => {
    const key = isBare(name) && random.chance(0.8) ? name : quoted(random, name);
    return `${annotationText(random, 0.05)}${key}${required ? '' : '?'}: ${typeText(random, type, at)}`;
  });
  parts.push(...more);
  return `{${parts.join(', ')}${parts.length && random.chance(0.2) ? ',' : ''}}`;
}

function annotationText(random, probability) {
  if (!random.chance(probability)) return '';
  return random.pick(['@doc("text") ', '@doc ', '@a("\\u{1f600}") ', '@if("x") ']);
}

const list = (names) => (names.length === 1 ? names[0] : `[${names.join(', ')}]`);

function namedText(random, { local, type, cyclic, name }, at) {
  const body = type.alias ? typeText(random, type, at)
    : cyclic ? recordText(random, type, at, [`more?: Set<${name}>`]) : bodyText(random, type, at);
  return `${annotationText(random, 0.1)}type ${local} = ${body};`;
}

function entityText(random, entity, at) {
  const head = `${annotationText(random, 0.1)}entity ${entity.local}`;
  if (entity.choices) return `${head} enum [${entity.choices.map((id) => quoted(random, id)).join(', ')}];`;
  const parents = entity.parents.length ? ` in ${list(entity.parents)}` : '';
  const shape = `${random.pick([' ', ' = '])}${recordText(random, entity.record, at)}`;
  const tags = entity.tags ? ` tags ${typeText(random, entity.tags, at)}` : '';
  return head + parents + shape + tags + ';';
}

function actionText(random, action, at) {
  const name = isBare(action.id) && random.chance(0.5) ? action.id : quoted(random, action.id);
  const parents = action.parents.map((each) =>
    each.type === action.type && random.chance(0.5) && each.id !== ''
      ? quoted(random, each.id) : `${each.type}::${quoted(random, each.id)}`);
  const above = parents.length ? ` in [${parents.join(', ')}]` : '';
  const applies = action.applies
    ? ` appliesTo { principal: ${list(action.principals)}, resource: ${list(action.resources)}, ` +
      `context: ${typeText(random, action.context, at)} }`
    : '';
  return `${annotationText(random, 0.1)}action ${name}${above}${applies};`;
}

export function schemaText(random, schema) {
  const named = new Map(schema.common.map((each) => [each.type, each]));
  const namespaces = new Map();
  const put = (text) => (each) => {
    if (!namespaces.has(each.namespace)) namespaces.set(each.namespace, []);
    namespaces.get(each.namespace).push(text(random, each, { named, namespace: each.namespace }));
  };
  const early = schema.common.filter(() => random.chance(0.5)); // a type may stand behind its uses
  early.forEach(put(namedText));
  schema.entities.forEach(put(entityText));
  schema.actions.forEach(put(actionText));
  schema.common.filter((each) => !early.includes(each)).forEach(put(namedText));
  let text = '';
  for (const [namespace, parts] of namespaces) {
    text += namespace ? `namespace ${namespace} {\n${parts.join('\n')}\n}\n` : parts.join('\n') + '\n';
  }
  return text;
}
