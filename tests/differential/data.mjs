// Entities and requests of a world in JSON. In some worlds they keep to the schema but for missing
// entities; in the others each part may be wrong.
import { extensions, ids, jsonLongs, names, noJsonLongs, oddNames, strings } from './corners.mjs';
import { makeType } from './schema.mjs';

const same = (a) => (b) => a.type === b.type && a.id === b.id;

export class Data {
  constructor(random, schema, known, { mistaken = true, missing = 0.15, strangers = 0.1 } = {}) {
    this.random = random;
    this.schema = schema;
    this.known = known;
    this.missing = missing;
    this.strangers = strangers;
    this.mistakes = mistaken && random.chance(0.3);
  }

  wrong(probability) {
    return this.mistakes && this.random.chance(probability);
  }

  uid(type) {
    const { random } = this;
    const of = this.known.filter((each) => each.type === type);
    const closed = this.schema.entities.find((each) => each.name === type)?.choices;
    const stranger = closed ? this.wrong(0.1) : random.chance(this.strangers);
    return of.length && !stranger ? { ...random.pick(of) } : { type, id: random.pick(ids) };
  }

  value(type) {
    const { random } = this;
    if (this.wrong(0.02)) type = makeType(random, this.schema.entities, 1);
    switch (type.kind) {
      case 'bool': return random.chance(0.5);
      case 'long': return random.pick(this.wrong(0.02) ? noJsonLongs : jsonLongs);
      case 'string': return random.pick(strings);
      // With a schema the escapes __entity and __extn may be left out.
      case 'entity': return random.chance(0.05) ? this.uid(type.type) : { __entity: this.uid(type.type) };
      case 'set': return random.list(random.below(4), () => this.value(type.element));
      case 'record': return this.fields(type);
      case 'extension': {
        const { fn, good, bad } = extensions[type.name];
        const arg = random.pick(this.wrong(0.02) ? bad : good);
        if (random.chance(0.05)) return arg;
        return random.chance(0.05) ? { fn, arg } : { __extn: { fn, arg } };
      }
    }
  }

  fields(record) {
    const { random } = this;
    const made = {};
    for (const [name, { type, required }] of Object.entries(record.attributes)) {
      if (required ? this.wrong(0.02) : random.chance(0.4)) continue;
      made[name] = this.value(type);
    }
    if (this.wrong(0.02)) {
      made[random.pick([...names, ...oddNames])] ??= this.value(makeType(random, this.schema.entities, 1));
    }
    return made;
  }

  entities() {
    const { random, schema } = this;
    const entities = [];
    const placed = []; // parents stand before, so there are no cycles
    for (const uid of this.known) {
      if (random.chance(this.missing)) continue;
      const action = schema.actions.find(same(uid));
      if (action) {
        entities.push({ uid, attrs: {}, parents: this.wrong(0.05) ? [] : this.actionAncestors(action) });
        continue;
      }
      const type = schema.entities.find((each) => each.name === uid.type);
      const above = this.wrong(0.05) ? placed : placed.filter((each) => type.parents.includes(each.type));
      const parents = random.some(above, 0.3);
      const last = above.at(-1);
      if (last && !parents.includes(last) && random.chance(0.5)) parents.push(last); // deep chains
      const entity = { uid, attrs: this.fields(type.record), parents };
      if (type.tags || this.wrong(0.05)) {
        entity.tags = {};
        for (const key of random.some(strings, 0.1)) {
          entity.tags[key] = this.value(type.tags ?? { kind: 'string' });
        }
      }
      entities.push(entity);
      placed.push(uid);
    }
    if (entities.length && this.wrong(0.03)) {
      random.pick(entities).parents.push(random.pick(entities).uid); // perhaps a cycle
    }
    if (entities.length && this.wrong(0.03)) entities.push(random.pick(entities)); // twice
    return entities;
  }

  // All that stand above an action: with a schema its parents in entities are these.
  actionAncestors(action) {
    const above = [];
    for (const parent of action.parents) {
      const next = this.schema.actions.find(same(parent));
      for (const each of [parent, ...this.actionAncestors(next)]) {
        if (!above.some(same(each))) above.push(each);
      }
    }
    return above;
  }

  request() {
    const { random } = this;
    const action = random.pick(this.schema.actions);
    const entity = (types) =>
      this.uid(random.chance(0.95) ? random.pick(types) : random.pick(this.schema.entities).name);
    return {
      principal: entity(action.principals),
      action: random.chance(0.97) ? { type: action.type, id: action.id } : { type: 'Action', id: 'none' },
      resource: entity(action.resources),
      context: this.fields(action.context),
    };
  }
}
