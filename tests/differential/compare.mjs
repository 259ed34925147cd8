// Where two answers to one world differ. Ids of policies and verdicts are compared, messages are not.

// What is known to differ, and why; docs/cedar.md says it to users. `is` looks at one difference, at
// what Writ said of the parts that it refused, and at the policy's text.
const explained = [
  {
    why: 'a record of a schema that declares an attribute twice is refused; Cedar keeps the last one',
    is: ({ what, writ }, said) => what === 'schema' && writ === false &&
      said.some((each) => /attribute `.*` stands twice/.test(each)),
  },
  {
    why: "Cedar's formatter loses a comment that follows a comma and the scope's closing parenthesis",
    is: ({ what, writ, peer }, said, text) => what.endsWith(': formatted') &&
      /,\s*\)\s*\/\//.test(text) && unspaced(writ.replace(/\) \/\/.*$/m, ')')) === unspaced(peer),
  },
  {
    why: 'warnings look at the characters that a pattern holds; Cedar looks at their escapes',
    is: ({ what, writ }) => /warnings$/.test(what) && /change the direction of writing/.test(writ),
  },
  {
    why: 'in a policy with errors, other clauses are looked at too before it is called impossible',
    is: ({ what, writ, erroneous }) => /warnings$/.test(what) && erroneous &&
      /is impossible/.test(writ),
  },
];

export const isExplained = (difference, world, writ) => {
  const id = difference.what.split(':')[0];
  const text = world.policies[id] ?? world.templates[id] ?? '';
  return explained.some(({ is }) => is(difference, writ.said ?? [], text));
};

export function differences(world, writ, peer) {
  const found = [];
  const differ = (what, ours, theirs) => {
    if (canonical(ours) !== canonical(theirs)) found.push({ what, ...first(ours, theirs, '') });
  };
  differ('schema', writ.schema, peer.schema);
  for (const member of ['policies', 'templates']) {
    for (const [id, ours] of Object.entries(writ[member])) {
      const theirs = peer[member][id];
      differ(`${id}: accepted`, ours !== false, theirs !== false);
      if (!world.forms || !ours || !theirs) continue;
      differ(`${id}: JSON`, ours.json, theirs.json);
      differ(`${id}: JSON read again`, ours.again, ours.json);
      differ(`${id}: printed by Writ, read by the peer`, theirs.printed, theirs.json);
      differ(`${id}: formatted`, ours.formatted, theirs.formatted);
    }
  }
  if (found.length) return found; // all else follows from what was read
  differ('links', writ.links, peer.links);
  for (const mode of ['strict', 'permissive', 'level 1']) {
    if (!peer[mode]) continue;
    for (const kind of ['errors', 'warnings']) {
      const [ours, theirs] = [writ[mode][kind], peer[mode][kind]];
      // Each policy by itself: what is known of one explains nothing of another.
      for (const id of new Set([...ids(ours), ...ids(theirs)])) {
        if (id in ours && id in theirs) continue;
        // And each finding, of which another may be known.
        for (const each of ours[id] ?? [null]) {
          found.push({ what: `${mode} ${kind}`, at: `/${id}`, writ: each,
            peer: theirs[id] ?? null, erroneous: id in writ[mode].errors });
        }
      }
    }
  }
  // Where the entities are refused, every request is.
  for (const kind of ['plain', 'typed']) {
    world.requests.forEach((_, i) => {
      const [ours, theirs] = [writ, peer].map((answer) => (answer[kind] || [])[i] || false);
      if (canonical(decided(ours)) !== canonical(decided(theirs))) {
        found.push({ what: `${kind} request ${i}`, at: '', writ: ours, peer: theirs });
      }
    });
  }
  return found;
}

const ids = (messages) => Object.keys(messages).sort();
const decided = (answer) => answer && {
  decision: answer.decision, reasons: [...answer.reasons].sort(), errors: ids(answer.errors) };

const unspaced = (text) => text.replace(/\s+/g, '');

// The first place where the two differ, as a pointer, and what stands there.
function first(ours, theirs, at) {
  const inside = (json) => json && typeof json === 'object';
  if (inside(ours) && inside(theirs) && Array.isArray(ours) === Array.isArray(theirs)) {
    for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
      if (canonical(ours[key]) !== canonical(theirs[key])) return first(ours[key], theirs[key], `${at}/${key}`);
    }
  }
  return { at, writ: ours, peer: theirs };
}

// One text for equal JSON, whatever the order of members.
function canonical(json) {
  return JSON.stringify(json, (_, value) =>
    value && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value) ?? 'null';
}
