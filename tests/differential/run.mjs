#!/usr/bin/env node
// The differential test: Writ against other implementations of Cedar, over worlds made at random.
//
//   tests/differential/run.mjs                           20,000 cases against cedar-wasm
//   tests/differential/run.mjs --cases 1000000 --seed 7  a soak
//   tests/differential/run.mjs --peer rust               against the Rust crate; needs cargo
//   tests/differential/run.mjs --seed 7 --only 123       world 123 of seed 7 alone, shrunk and printed
//
// A case is a request; eight share a world (schema, policies, templates with links, entities), whose
// parsing, validation, JSON form and formatting are compared too. A seed and a number name a world.
import { execFileSync, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { differences, isExplained } from './compare.mjs';
import { text } from './json.mjs';
import { readOptions } from './options.mjs';
import { Program } from './program.mjs';
import { Random } from './random.mjs';
import { shrink } from './shrink.mjs';
import { WasmPeer } from './wasm.mjs';
import { kRequests, makeWorld } from './world.mjs';

const self = fileURLToPath(import.meta.url);
const root = join(dirname(self), '../..');
const options = readOptions(self, {
  cases: { type: 'string', default: '20000' },
  seed: { type: 'string', default: '1' },
  jobs: { type: 'string', default: String(cpus().length) },
  peer: { type: 'string', default: 'wasm' },
  only: { type: 'string' },
  first: { type: 'string', default: '0' }, // number of the first world
  writ: { type: 'string', default: join(root, 'build/release/tests/writ_answers') },
});

const kAhead = 32; // worlds on their way at a time
const kMostShown = 2; // of each worker

// Empty, or why the peer cannot be had.
function missing() {
  if (options.peer === 'wasm') {
    const there = existsSync(join(root, 'build/npm/node_modules/@cedar-policy/cedar-wasm'));
    return there ? '' : 'cedar-wasm is not installed; scripts/peers does that';
  }
  if (options.peer !== 'rust') return `there is no peer ${options.peer}; there are wasm and rust`;
  try {
    execFileSync('cargo', ['build', '--release', '--quiet', '--manifest-path',
      join(root, 'tests/peers/cedar-answers/Cargo.toml'), '--target-dir', join(root, 'build/cargo')]);
    return '';
  } catch (error) {
    return `cargo could not build the peer: ${error.message}`;
  }
}

function openPeer() {
  if (options.peer === 'wasm') return new WasmPeer(join(root, 'build/npm'));
  const program = new Program(join(root, 'build/cargo/release/cedar-answers'));
  return { answer: (world, writ) => program.ask({ world, writ }), end: () => program.end() };
}

// Entities and contexts as texts: one that is no JSON to Writ hides nothing else.
const forWrit = (world) => ({ ...world, entities: text(world.entities),
  requests: world.requests.map((request) => ({ ...request, context: text(request.context) })) });

async function compareWorld(engines, world) {
  const writ = await engines.writ.ask(forWrit(world));
  const peer = await engines.peer.answer(world, writ);
  const found = differences(world, writ, peer);
  const open = found.filter((each) => !isExplained(each, world, writ));
  return { writ, open, explained: found.length - open.length };
}

// Worlds first, first + step, …: as many as `count`.
async function work({ first, step, count, shown }) {
  const engines = { writ: new Program(options.writ), peer: openPeer() };
  const sums = { worlds: 0, cases: 0, schemas: 0, policies: 0, accepted: 0, valid: 0, decided: 0,
    allowed: 0, failed: 0, typed: 0, explained: 0, different: 0 };
  const different = [];
  const others = [];
  let next = 0;
  const one = async () => {
    while (next < count) {
      const number = first + step * next++;
      const world = makeWorld(new Random(options.seed, number));
      const { writ, open, explained } = await compareWorld(engines, world).catch((error) => {
        throw new Error(`seed ${options.seed}, world ${number} or one before: ${error.message}`);
      });
      tally(sums, world, writ);
      sums.explained += explained;
      if (open.length) {
        ++sums.different;
        if (different.length < shown) different.push({ number, world, kind: kindOf(open[0]) });
        else others.push({ number, kind: kindOf(open[0]) });
      }
    }
  };
  await Promise.all(Array.from({ length: kAhead }, one));
  const shrunk = [];
  for (const { number, world, kind } of different) {
    const shows = async (smaller) =>
      (await compareWorld(engines, smaller)).open.some((each) => kindOf(each) === kind);
    const least = await shrink(world, shows);
    shrunk.push({ number, world: least, differences: (await compareWorld(engines, least)).open });
  }
  engines.writ.end();
  engines.peer.end?.();
  return { sums, shrunk, others };
}

// What differs, without which policy or request it is.
function kindOf({ what, writ, peer }) {
  const side = (json) => (typeof json === 'boolean' ? json : typeof json);
  return `${what.replace(/^\w+: /, '').replace(/ \d+$/, '')}: ${side(writ)}, ${side(peer)}`;
}

function tally(sums, world, writ) {
  sums.worlds += 1;
  sums.cases += world.requests.length;
  sums.schemas += writ.schema ? 1 : 0;
  const answers = [...Object.values(writ.policies), ...Object.values(writ.templates)];
  sums.policies += answers.length;
  sums.accepted += answers.filter(Boolean).length;
  if (writ.schema) sums.valid += answers.filter(Boolean).length - Object.keys(writ.strict.errors).length;
  for (const answer of writ.plain || []) {
    if (!answer) continue;
    sums.decided += 1;
    sums.allowed += answer.decision === 'allow' ? 1 : 0;
    sums.failed += Object.keys(answer.errors).length ? 1 : 0;
  }
  sums.typed += (writ.typed || []).filter(Boolean).length;
}

function show({ number, world, differences }) {
  console.log(`\nseed ${options.seed}, world ${number}, as small as it gets:`);
  console.log(text(world, null, 1));
  for (const { what, at, writ, peer } of differences) {
    console.log(`DIFFERENT ${what} ${at}\n  writ: ${text(writ)}\n  ${options.peer}: ${text(peer)}`);
  }
}

async function main() {
  if (!existsSync(options.writ)) {
    console.error(`${options.writ} is missing; build it with: ninja -C build/release writ_answers`);
    process.exitCode = 1;
    return;
  }
  const why = missing();
  if (why) {
    console.log(`skipped: ${why}`);
    return;
  }
  const jobs = options.only ? 1 : Number(options.jobs);
  const worlds = options.only ? 1 : Math.ceil(Number(options.cases) / kRequests);
  const first = Number(options.only ?? options.first);
  const started = Date.now();
  const results = await Promise.all(Array.from({ length: jobs }, (_, i) => new Promise((resolve, reject) => {
    // Calls from JavaScript into WebAssembly are not inlined: V8 of Node.js 20 ends where it must undo that.
    const child = fork(self, process.argv.slice(2), {
      env: { ...process.env, DIFFERENTIAL_WORKER: '1' },
      execArgv: ['--no-turbo-inline-js-wasm-calls'],
      serialization: 'advanced', // worlds have BigInt
    });
    child.on('message', resolve);
    // A worker that ended well has sent its message, which may still be on its way.
    child.on('exit', (code) => code === 0 || reject(new Error(`a worker ended: ${code}`)));
    child.send({ first: first + i, step: jobs, count: Math.ceil((worlds - i) / jobs), shown: kMostShown });
  })));
  const sums = {};
  for (const result of results) {
    for (const [name, count] of Object.entries(result.sums)) sums[name] = (sums[name] ?? 0) + count;
    result.shrunk.forEach(show);
    for (const { number, kind } of result.others) console.log(`also world ${number}: ${kind}`);
  }
  const share = (part, whole) => `${part} of ${whole} (${((100 * part) / whole).toFixed(0)}%)`;
  console.log(`seed ${options.seed}, worlds from ${first}: ${sums.cases} cases in ${sums.worlds} worlds ` +
    `against ${options.peer} in ${((Date.now() - started) / 1000).toFixed(0)} s\n` +
    `  schemas accepted ${share(sums.schemas, sums.worlds)}; policies accepted ` +
    `${share(sums.accepted, sums.policies)}, strictly valid ${sums.valid}\n` +
    `  decided ${share(sums.decided, sums.cases)}: allowed ${sums.allowed}, with errors ${sums.failed}; ` +
    `by schema ${sums.typed}\n` +
    `  differences: ${sums.different} worlds unexplained, ${sums.explained} explained`);
  process.exitCode = sums.different ? 1 : 0;
}

if (process.env.DIFFERENTIAL_WORKER) {
  process.once('message', async (task) => {
    process.send(await work(task), () => process.exit(0));
  });
} else {
  await main();
}
