#!/usr/bin/env node
// The differential test of proofs: `writ cedar symcc` against Cedar's own symbolic compiler, the Rust
// crate cedar-policy-symcc, over worlds made at random. Needs cvc5, and cargo for the peer.
//
//   tests/differential/proofs.mjs                     200 worlds
//   tests/differential/proofs.mjs --worlds 5000 --seed 7
//   tests/differential/proofs.mjs --peer none         Writ alone, against the evaluator
//   tests/differential/proofs.mjs --seed 7 --only 12  world 12 of seed 7, with all verdicts
//
// A world has two policy sets and one or two environments, of which every property is asked. Where one
// prover says that a property holds and the other that it fails, the world is printed, as small as it
// gets. So is one in which a request made at random breaks what Writ says to hold, or in which Cedar
// does not confirm Writ's counterexample. A seed and a number name a world.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { text } from './json.mjs';
import { readOptions } from './options.mjs';
import { Program } from './program.mjs';
import { makeProofWorld, makeSets, ruleText } from './proof_world.mjs';
import { Random } from './random.mjs';
import { shrinkProof } from './shrink.mjs';

const self = fileURLToPath(import.meta.url);
const root = join(dirname(self), '../..');
const options = readOptions(self, {
  worlds: { type: 'string', default: '200' },
  seed: { type: 'string', default: '1' },
  jobs: { type: 'string', default: String(cpus().length) },
  peer: { type: 'string', default: 'rust' },
  only: { type: 'string' },
  first: { type: 'string', default: '0' }, // number of the first world
  writ: { type: 'string', default: join(root, 'build/release/tests/writ_proofs') },
});

const kMostShrunk = 4; // of the worlds that differ; the others are printed as they are

// Empty, or why the test cannot be run.
function missing() {
  const isThere = (name) => process.env.PATH.split(':').some((folder) => existsSync(join(folder, name)));
  if (options.peer === 'none') return isThere('cvc5') || isThere('z3') ? '' : 'there is no cvc5 and no z3';
  if (options.peer !== 'rust') return `there is no peer ${options.peer}; there are rust and none`;
  if (!process.env.CVC5 && !isThere('cvc5')) return 'there is no cvc5';
  try {
    execFileSync('cargo', ['build', '--release', '--quiet', '--manifest-path',
      join(root, 'tests/peers/cedar-proofs/Cargo.toml'), '--target-dir', join(root, 'build/cargo')]);
    return '';
  } catch (error) {
    return `cargo could not build the peer: ${error.message}`;
  }
}

// Two sets of valid policies, as texts; null where too few candidates are valid.
async function chooseSets(writ, world, random) {
  const valid = async (rules) => {
    const { valid, refused } = await writ.ask({ schema: world.schema, tried: rules.map(ruleText) });
    return refused ? [] : rules.filter((_, i) => valid[i]);
  };
  const rules = await valid(world.candidates);
  if (!rules.length) return null;
  const { a, b } = makeSets(random, rules);
  const [left, right] = [await valid(a), await valid(b)];
  return left.length && right.length ? { a: left.map(ruleText), b: right.map(ruleText) } : null;
}

// Null where no question can be made of the world.
async function proveWorld(engines, number) {
  const random = new Random(options.seed, number);
  const made = makeProofWorld(random, { missing: !engines.peer && number % 3 === 2 });
  const sets = await chooseSets(engines.writ, made, random);
  if (!sets) return null;
  const world = { ...made, ...sets, samples: { entities: text(made.samples.entities),
    requests: made.samples.requests.map((each) => ({ ...each, context: text(each.context) })) } };
  delete world.candidates;
  return prove(engines, world);
}

async function prove(engines, world) {
  const writ = await engines.writ.ask(world);
  const peer = engines.peer ? await engines.peer.ask({ world, writ }) : null;
  return { world, writ, peer };
}

// What still shows the same difference, proved. Where that cannot be told any more, the last that did.
async function smallest(engines, proved, { property, kind, writ, peer }) {
  let least = proved;
  const isIt = (each) => each.property === property && each.kind === kind
    && each.writ?.refused === writ?.refused && each.peer?.refused === peer?.refused;
  const shows = async (smaller) => {
    const made = await prove(engines, smaller);
    if (!compare(made).some(isIt)) return false;
    least = made;
    return true;
  };
  await shrinkProof(proved.world, shows).catch((error) => {
    console.log(`it is made no smaller: ${error.message}`);
  });
  return least;
}

// [{property, kind, writ, peer}] of one world; of kind `same` too.
function compare({ writ, peer }) {
  if (writ.refused || peer?.refused) {
    const same = Boolean(writ.refused) === Boolean(peer?.refused);
    return [{ property: 'all', kind: same ? 'same' : 'only one refuses the world', writ, peer }];
  }
  const found = [];
  if (peer && writ.count !== peer.count) {
    found.push({ property: 'all', kind: 'different numbers of environments', writ: writ.count, peer: peer.count });
  }
  writ.environments.forEach(({ verdicts }, i) => {
    for (const [property, ours] of Object.entries(verdicts)) {
      const theirs = peer?.environments[i][property];
      found.push({ property, kind: kindOf(ours, theirs), writ: ours, peer: theirs });
    }
  });
  return found;
}

function kindOf(ours, theirs) {
  if (ours.refuted) return 'WRONG: holds, but not in a sample';
  // A time limit is no mistake; a counterexample of a solver that the evaluator refutes is one.
  if (ours.verdict === 'unknown' && !isPatience(ours.why)) return 'WRONG: unknown for another reason than time';
  if (!theirs) return `${ours.verdict} alone`;
  if (ours.counterexample && theirs.writ !== true) return 'WRONG: a counterexample that Cedar does not confirm';
  if (ours.verdict === theirs.verdict) return 'same';
  const known = (each) => each.verdict === 'holds' || each.verdict === 'fails';
  const both = known(ours) && known(theirs);
  return `${both ? 'WRONG: ' : ''}Writ ${ours.verdict}, Cedar ${theirs.verdict}`;
}

const isPatience = (why) => /time limit|does not know|did not answer/.test(why);
// One that does not know is no difference: it ran out of time. Cedar's prover does so where times and
// durations are divided, which docs/cedar.md says to users.
const isDifference = ({ kind }) => !/^same$| alone$|^Writ unknown|Cedar unknown$/.test(kind);

function show(number, { world }, found) {
  console.log(`\nseed ${options.seed}, world ${number}:\n${world.schema}`);
  for (const side of ['a', 'b']) console.log(`${side}:\n${world[side].join('\n')}`);
  console.log(text(world.environments));
  for (const { property, kind, writ, peer } of found) {
    console.log(`${kind}: ${property}\n  writ: ${text(writ)}\n  peer: ${text(peer)}`);
  }
}

async function main() {
  if (!existsSync(options.writ)) {
    console.error(`${options.writ} is missing; build it with: ninja -C build/release writ_proofs`);
    process.exitCode = 1;
    return;
  }
  const why = missing();
  if (why) {
    console.log(`skipped: ${why}`);
    return;
  }
  const first = Number(options.only ?? options.first);
  const end = options.only ? first + 1 : first + Number(options.worlds);
  const counts = new Map();
  const sums = { worlds: 0, samples: 0, different: 0 };
  let next = first;
  const work = async () => {
    const engines = { writ: new Program(options.writ),
      peer: options.peer === 'rust' ? new Program(join(root, 'build/cargo/release/cedar-proofs')) : null };
    while (next < end) {
      const number = next++;
      const proved = await proveWorld(engines, number).catch((error) => {
        throw new Error(`seed ${options.seed}, world ${number} or one before: ${error.message}`);
      });
      if (!proved) continue;
      sums.worlds += 1;
      for (const each of proved.writ.environments ?? []) sums.samples += each.samples;
      const found = compare(proved);
      for (const { kind, writ } of found) {
        const name = kind === 'same' ? `both: ${writ.verdict}` : kind;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      const open = found.filter(isDifference);
      if (options.only) show(number, proved, found);
      if (!open.length) continue;
      const least = sums.different++ < kMostShrunk ? await smallest(engines, proved, open[0]) : proved;
      show(number, least, compare(least).filter(isDifference));
    }
    engines.writ.end();
    engines.peer?.end();
  };
  const started = Date.now();
  await Promise.all(Array.from({ length: options.only ? 1 : Number(options.jobs) }, work));
  console.log(`seed ${options.seed}, worlds from ${first}: ${sums.worlds} of ${end - first} worlds with valid ` +
    `policies, ${sums.samples} samples, in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  for (const [kind, count] of [...counts].sort()) console.log(`  ${kind}: ${count}`);
  console.log(`  differences: ${sums.different} worlds`);
  process.exitCode = sums.different ? 1 : 0;
}

await main();
