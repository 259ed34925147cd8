// A smaller world that still shows a difference of the same kind: parts are left out, then tokens of
// policies, as long as `shows` says that the difference is there, for at most so many attempts.
export async function shrink(world, shows, attempts = 600) {
  let best = world;
  const attempt = async (change) => {
    if (attempts-- <= 0) return false;
    const next = structuredClone(best);
    change(next);
    if (!(await shows(next))) return false;
    best = next;
    return true;
  };
  for (const list of ['links', 'requests', 'entities']) {
    for (let i = best[list].length - 1; i >= 0; --i) await attempt((w) => w[list].splice(i, 1));
  }
  for (const texts of ['policies', 'templates']) {
    for (const id of Object.keys(best[texts])) {
      if (await attempt((w) => delete w[texts][id])) continue;
      await tokens((w) => w[texts][id], (w, text) => { w[texts][id] = text; });
    }
  }
  await tokens((w) => w.schema, (w, text) => { w.schema = text; });
  for (let i = best.entities.length - 1; i >= 0; --i) {
    for (const part of ['attrs', 'tags']) {
      for (const name of Object.keys(best.entities[i][part] ?? {})) {
        await attempt((w) => delete w.entities[i][part][name]);
      }
    }
    for (let k = best.entities[i].parents.length - 1; k >= 0; --k) {
      await attempt((w) => w.entities[i].parents.splice(k, 1));
    }
  }
  return best;

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
