// Smaller worlds that still show a difference of the same kind: parts are left out, then tokens of
// policies, as long as `shows` says that the difference is there, for at most so many attempts.

// A world of decisions.
export async function shrink(world, shows, attempts = 600) {
  const { attempt, tokens, best } = shrinking(world, shows, attempts);
  for (const list of ['links', 'requests', 'entities']) {
    for (let i = best()[list].length - 1; i >= 0; --i) await attempt((w) => w[list].splice(i, 1));
  }
  for (const texts of ['policies', 'templates']) {
    for (const id of Object.keys(best()[texts])) {
      if (await attempt((w) => delete w[texts][id])) continue;
      await tokens((w) => w[texts][id], (w, text) => { w[texts][id] = text; });
    }
  }
  await tokens((w) => w.schema, (w, text) => { w.schema = text; });
  for (let i = best().entities.length - 1; i >= 0; --i) {
    for (const part of ['attrs', 'tags']) {
      for (const name of Object.keys(best().entities[i][part] ?? {})) {
        await attempt((w) => delete w.entities[i][part][name]);
      }
    }
    for (let k = best().entities[i].parents.length - 1; k >= 0; --k) {
      await attempt((w) => w.entities[i].parents.splice(k, 1));
    }
  }
  return best();
}

// A world of proofs. Both sets and the environments keep at least one.
export async function shrinkProof(world, shows, attempts = 300) {
  const { attempt, tokens, best } = shrinking(world, shows, attempts);
  for (const list of ['environments', 'a', 'b']) {
    for (let i = best()[list].length - 1; i >= 0 && best()[list].length > 1; --i) {
      await attempt((w) => w[list].splice(i, 1));
    }
  }
  for (const set of ['a', 'b']) {
    for (let i = best()[set].length - 1; i >= 0; --i) {
      const lines = () => best()[set][i].slice(0, -1).split('\n'); // the scope, and one of each condition
      for (let k = lines().length - 1; k > 0; --k) {
        await attempt((w) => { w[set][i] = `${lines().filter((_, at) => at !== k).join('\n')};`; });
      }
      await tokens((w) => w[set][i], (w, text) => { w[set][i] = text; });
    }
  }
  await tokens((w) => w.schema, (w, text) => { w.schema = text; });
  return best();
}

function shrinking(world, shows, attempts) {
  let best = world;
  return { attempt, tokens, best: () => best };

  async function attempt(change) {
    if (attempts-- <= 0) return false;
    const next = structuredClone(best);
    change(next);
    if (!(await shows(next))) return false;
    best = next;
    return true;
  }

  // Leaves out runs of tokens, long ones first.
  async function tokens(get, set) {
    const split = () => get(best).match(/"(?:[^"\\]|\\.)*"|\w+|\s+|[^\w\s]/gsu) ?? [];
    for (let length = 32; length >= 1; length >>= 1) {
      for (let at = split().length - length; at >= 0; --at) {
        const kept = split();
        if (at + length > kept.length) continue;
        kept.splice(at, length);
        await attempt((w) => set(w, kept.join('')));
      }
    }
  }
}
