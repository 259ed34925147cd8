// Expressions of a wanted type, as text. Now and then one of another type, an attribute that may be
// missing, a literal that is none: what a validator must find and an evaluation must report.
import { extensions, ids, isBare, longs, names, oddNames, quoted, strings } from './corners.mjs';
import { makeType } from './schema.mjs';

const kMistake = 0.03;

export class Expressions {
  // `types` has the types of principal, resource and context, and the entity types of the schema.
  constructor(random, types, known, mistake = kMistake) {
    this.random = random;
    this.mistake = mistake;
    this.types = types;
    this.known = known; // [{type, id}]
    this.guards = []; // `has` tests of the attributes that may be missing, as far as they were used
  }

  uid(type) {
    const of = this.known.filter((each) => !type || each.type === type);
    const { random } = this;
    if (of.length && random.chance(0.85)) {
      const { type, id } = random.pick(of);
      return `${type}::${quoted(random, id)}`;
    }
    return `${type ?? random.pick(['Nobody', 'N::Nobody'])}::${quoted(random, random.pick(ids))}`;
  }

  entityTypeName() {
    const { random } = this;
    if (random.chance(0.05)) return random.pick(['Nobody', 'A::B::C']);
    return random.pick(this.types.entities).name;
  }

  key(name) {
    return isBare(name) && this.random.chance(0.85) ? `.${name}` : `[${quoted(this.random, name)}]`;
  }

  make(type, depth) {
    const { random } = this;
    if (random.chance(this.mistake)) type = makeType(random, this.types.entities, 1);
    if (depth > 0 && random.chance(0.12)) {
      return `(if ${this.bool(depth - 1)} then ${this.make(type, depth - 1)} else ` +
             `${this.make(type, depth - 1)})`;
    }
    if (random.chance(0.4)) {
      const path = this.path(type);
      if (path) return path;
    }
    const made = this[type.kind](depth, type);
    return random.chance(0.08) ? `(${made})` : made;
  }

  // principal.a.b, context.x, … whose type is the wanted one; null where there is none.
  path(type) {
    const { random } = this;
    const found = [];
    const visit = (text, at, hops, guards) => {
      if (sameType(at, type)) found.push({ text, guards });
      if (hops === 0) return;
      const record = at.kind === 'record' ? at : at.kind === 'entity' ? this.recordOf(at.type) : null;
      for (const [name, attribute] of Object.entries(record?.attributes ?? {})) {
        const guard = `${text} has ${isBare(name) ? name : quoted(random, name)}`;
        visit(`${text}${this.key(name)}`, attribute.type, hops - 1,
          attribute.required ? guards : [...guards, guard]);
      }
    };
    visit('principal', this.types.principal, 2, []);
    visit('resource', this.types.resource, 2, []);
    visit('context', this.types.context, 3, []);
    if (!found.length) return null;
    const { text, guards } = random.pick(found);
    this.guards.push(...guards);
    return text;
  }

  recordOf(type) {
    return this.types.entities.find((each) => each.name === type)?.record ?? null;
  }

  // A condition, most often with the `has` tests that its attributes want.
  condition(depth) {
    this.guards = [];
    const body = this.make({ kind: 'bool' }, depth);
    const guards = [...new Set(this.guards)];
    return guards.length && this.random.chance(0.8) ? `${guards.join(' && ')} && (${body})` : body;
  }

  bool(depth = 0) {
    const { random } = this;
    if (depth <= 0) return random.pick(['true', 'false', 'context has a', 'principal has name', 'true']);
    const d = depth - 1;
    const bool = () => this.make({ kind: 'bool' }, d);
    const some = () => makeType(random, this.types.entities, 1);
    const entity = () => this.make({ kind: 'entity', type: this.entityTypeName() }, d);
    return random.weighted(
      4, () => `${bool()} && ${bool()}`,
      4, () => `${bool()} || ${bool()}`,
      2, () => `!${random.pick(['', '!', '!!'])}(${bool()})`,
      5, () => {
        const type = some();
        return `(${this.make(type, d)}) ${random.pick(['==', '!='])} (${this.make(type, d)})`;
      },
      5, () => {
        const type = random.pick([{ kind: 'long' }, { kind: 'long' },
          { kind: 'extension', name: 'datetime' }, { kind: 'extension', name: 'duration' }]);
        return `(${this.make(type, d)}) ${random.pick(['<', '<=', '>', '>='])} (${this.make(type, d)})`;
      },
      3, () => `(${this.make({ kind: 'string' }, d)}) like ${this.pattern()}`,
      5, () => this.has(d),
      4, () => `(${entity()}) in (${entity()})`,
      2, () => `(${entity()}) in [${random.list(random.below(4), entity).join(', ')}]`,
      1, () => `(${entity()}) in (${this.make({ kind: 'set', element: { kind: 'entity',
        type: this.entityTypeName() } }, d)})`,
      2, () => `(${entity()}) is ${this.entityTypeName()}`,
      2, () => `(${entity()}) is ${this.entityTypeName()} in (${entity()})`,
      3, () => {
        const element = some();
        const set = `(${this.make({ kind: 'set', element }, d)})`;
        return random.pick([
          () => `${set}.contains(${this.make(element, d)})`,
          () => `${set}.containsAll(${this.make({ kind: 'set', element }, d)})`,
          () => `${set}.containsAny(${this.make({ kind: 'set', element }, d)})`,
          () => `${set}.isEmpty()`,
        ])();
      },
      2, () => `(${entity()}).hasTag(${this.make({ kind: 'string' }, d)})`,
      2, () => {
        const of = (name) => this.make({ kind: 'extension', name }, d);
        return random.pick([
          () => `(${of('decimal')}).${random.pick(['lessThan', 'lessThanOrEqual', 'greaterThan',
            'greaterThanOrEqual'])}(${of('decimal')})`,
          () => `(${of('ipaddr')}).${random.pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'])}()`,
          () => `(${of('ipaddr')}).isInRange(${of('ipaddr')})`,
        ])();
      },
    );
  }

  has(depth) {
    const { random } = this;
    const base = random.pick(['principal', 'resource', 'context', 'context',
      `(${this.make({ kind: 'record', attributes: {} }, depth)})`]);
    const name = random.chance(0.15) ? random.pick(oddNames) : random.pick(names);
    if (!isBare(name) || random.chance(0.1)) return `${base} has ${quoted(random, name)}`;
    const path = [name];
    while (random.chance(0.3)) path.push(random.pick(names));
    const has = `${base} has ${path.join('.')}`;
    return random.chance(0.3) ? `(${has} && ${base}.${path.join('.')} == ${base}.${path.join('.')})` : has;
  }

  pattern() {
    const { random } = this;
    let out = '"';
    for (let i = random.below(5); i > 0; --i) {
      out += random.weighted(
        3, () => '*',
        1, () => '\\*',
        4, () => quoted(random, random.pick(strings).slice(0, 3).replace(/[\ud800-\udfff]/g, ''))
          .slice(1, -1).replace(/\*/g, '\\*'),
      );
    }
    return out + '"';
  }

  long(depth = 0) {
    const { random } = this;
    if (depth <= 0) return random.pick(longs);
    const long = () => this.make({ kind: 'long' }, depth - 1);
    const of = (name) => `(${this.make({ kind: 'extension', name }, depth - 1)})`;
    return random.weighted(
      3, () => random.pick(longs),
      3, () => `(${long()}) ${random.pick(['+', '-', '*'])} (${long()})`,
      1, () => `${long()} ${random.pick(['+', '-', '*'])} ${random.pick(longs)}`,
      1, () => `-${random.pick(['', ' ', '-'])}(${long()})`,
      1, () => `${of('duration')}.${random.pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours',
        'toDays'])}()`,
    );
  }

  string(depth = 0) {
    const { random } = this;
    if (depth > 0 && random.chance(0.1)) {
      return `(${this.make({ kind: 'entity', type: this.entityTypeName() }, depth - 1)}).getTag(` +
             `${this.string()})`;
    }
    return quoted(random, random.pick(strings));
  }

  entity(depth, type) {
    const { random } = this;
    const fits = ['principal', 'resource'].filter((each) => this.types[each].type === type.type);
    if (fits.length && random.chance(0.6)) return random.pick(fits);
    if (random.chance(0.03)) return 'action';
    return this.uid(type.type);
  }

  set(depth, type) {
    const { random } = this;
    const count = random.chance(0.08) ? 0 : random.between(1, 4);
    return `[${random.list(count, () => this.make(type.element, depth - 1)).join(', ')}]`;
  }

  record(depth, type) {
    const { random } = this;
    const parts = [];
    for (const [name, attribute] of Object.entries(type.attributes)) {
      if (!attribute.required && random.chance(0.5)) continue;
      const key = isBare(name) && random.chance(0.8) ? name : quoted(random, name);
      parts.push(`${key}: ${this.make(attribute.type, depth - 1)}`);
    }
    return `{${parts.join(', ')}}`;
  }

  extension(depth, type) {
    const { random } = this;
    const { fn, good, bad } = extensions[type.name];
    const of = (name) => `(${this.make({ kind: 'extension', name }, depth - 1)})`;
    if (depth > 0 && type.name === 'datetime' && random.chance(0.35)) {
      return random.pick([() => `${of('datetime')}.offset(${of('duration')})`,
        () => `${of('datetime')}.toDate()`])();
    }
    if (depth > 0 && type.name === 'duration' && random.chance(0.35)) {
      return random.pick([() => `${of('datetime')}.durationSince(${of('datetime')})`,
        () => `${of('datetime')}.toTime()`])();
    }
    if (depth > 0 && random.chance(0.02)) return `${fn}(${this.make({ kind: 'string' }, depth - 1)})`;
    return `${fn}(${quoted(random, random.pick(random.chance(0.06) ? bad : good))})`;
  }
}

function sameType(a, b) {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'entity') return a.type === b.type;
  if (a.kind === 'extension') return a.name === b.name;
  if (a.kind === 'set') return sameType(a.element, b.element);
  return a.kind !== 'record' || Object.keys(b.attributes).every((name) => name in a.attributes);
}
