// Schemas: a model of types, from which policies and entities are made too, and its text.
import { ids, isBare, names, oddNames, quoted } from './corners.mjs';

const kNamespaces = ['', '', 'N', 'A::B'];
const kTypeNames = ['User', 'Group', 'Doc', 'Box', 'Long', 'ipaddr', 'Kind'];

// {kind: bool long string entity set record extension, …}
export function makeType(random, entities, depth = 2) {
  return random.weighted(
    3, () => ({ kind: 'bool' }),
    4, () => ({ kind: 'long' }),
    4, () => ({ kind: 'string' }),
    4, () => (entities.length ? { kind: 'entity', type: random.pick(entities).name } : { kind: 'bool' }),
    4, () => ({ kind: 'extension', name: random.pick(['ipaddr', 'decimal', 'datetime', 'duration']) }),
    depth > 0 ? 3 : 0, () => ({ kind: 'set', element: makeType(random, entities, depth - 1) }),
    depth > 0 ? 3 : 0, () => makeRecord(random, entities, depth - 1),
  );
}

export function makeRecord(random, entities, depth = 2) {
  const attributes = {};
  for (const name of random.some(names, 0.45)) attributes[name] = attribute();
  if (random.chance(0.2)) attributes[random.pick(oddNames)] = attribute();
  return { kind: 'record', attributes };
  function attribute() {
    return { type: makeType(random, entities, depth), required: random.chance(0.7) };
  }
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
  for (const entity of entities) {
    if (random.chance(0.12)) {
      entity.choices = [...new Set(random.list(random.between(1, 3), () => random.pick(ids)))];
      entity.record = { kind: 'record', attributes: {} };
      continue;
    }
    entity.parents = random.some(entities, 0.4).map((each) => each.name);
    entity.record = makeRecord(random, entities);
    if (random.chance(0.4)) entity.tags = makeType(random, entities, 1);
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
      context: random.chance(0.7) ? makeRecord(random, entities) : { kind: 'record', attributes: {} },
    });
  }
  return { entities, actions };
}

function typeText(random, type) {
  const cedar = (name) => (random.chance(0.8) ? '' : '__cedar::') + name;
  switch (type.kind) {
    case 'bool': return '__cedar::Bool';
    case 'long': return '__cedar::Long';
    case 'string': return cedar('String');
    case 'entity': return type.type;
    case 'set': return `Set<${typeText(random, type.element)}>`;
    case 'record': return recordText(random, type);
    case 'extension': return `__cedar::${type.name}`;
  }
}

function recordText(random, record) {
  const parts = Object.entries(record.attributes).map(([name, { type, required }]) => {
    const key = isBare(name) && random.chance(0.8) ? name : quoted(random, name);
    return `${annotationText(random, 0.05)}${key}${required ? '' : '?'}: ${typeText(random, type)}`;
  });
  return `{${parts.join(', ')}${parts.length && random.chance(0.2) ? ',' : ''}}`;
}

function annotationText(random, probability) {
  if (!random.chance(probability)) return '';
  return random.pick(['@doc("text") ', '@doc ', '@a("\\u{1f600}") ', '@if("x") ']);
}

const list = (names) => (names.length === 1 ? names[0] : `[${names.join(', ')}]`);

function entityText(random, entity) {
  const head = `${annotationText(random, 0.1)}entity ${entity.local}`;
  if (entity.choices) return `${head} enum [${entity.choices.map((id) => quoted(random, id)).join(', ')}];`;
  const parents = entity.parents.length ? ` in ${list(entity.parents)}` : '';
  const shape = `${random.pick([' ', ' = '])}${recordText(random, entity.record)}`;
  const tags = entity.tags ? ` tags ${typeText(random, entity.tags)}` : '';
  return head + parents + shape + tags + ';';
}

function actionText(random, action) {
  const name = isBare(action.id) && random.chance(0.5) ? action.id : quoted(random, action.id);
  const parents = action.parents.map((each) =>
    each.type === action.type && random.chance(0.5) && each.id !== ''
      ? quoted(random, each.id) : `${each.type}::${quoted(random, each.id)}`);
  const above = parents.length ? ` in [${parents.join(', ')}]` : '';
  const applies = action.applies
    ? ` appliesTo { principal: ${list(action.principals)}, resource: ${list(action.resources)}, ` +
      `context: ${recordText(random, action.context)} }`
    : '';
  return `${annotationText(random, 0.1)}action ${name}${above}${applies};`;
}

export function schemaText(random, schema) {
  const namespaces = new Map();
  const into = (namespace, text) => {
    if (!namespaces.has(namespace)) namespaces.set(namespace, []);
    namespaces.get(namespace).push(text);
  };
  for (const each of schema.entities) into(each.namespace, entityText(random, each));
  for (const each of schema.actions) into(each.namespace, actionText(random, each));
  let text = '';
  for (const [namespace, parts] of namespaces) {
    text += namespace ? `namespace ${namespace} {\n${parts.join('\n')}\n}\n` : parts.join('\n') + '\n';
  }
  return text;
}
