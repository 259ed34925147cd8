// What the programs here are told on the command line.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

// `options` as parseArgs takes them. --help prints the comment at the beginning of `file`, and so does
// a wrong option; both end the program.
export function readOptions(file, options) {
  const usage = readFileSync(file, 'utf8').split('\nimport ')[0]
    .split('\n').slice(1).map((line) => line.replace(/^\/\/ ?/, '')).join('\n');
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
    if (!values.help) return values;
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    return process.exit(2);
  }
  console.log(usage);
  return process.exit(0);
}
