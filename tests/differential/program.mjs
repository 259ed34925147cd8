// A program that answers each line of JSON with one, in order.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { text } from './json.mjs';

export class Program {
  constructor(path) {
    this.waiting = [];
    this.child = spawn(path, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout, crlfDelay: Infinity }).on('line', (line) =>
      this.waiting.shift().resolve(JSON.parse(line)));
    const failed = (why) => this.waiting.splice(0).forEach(({ reject }) => reject(why));
    this.child.on('error', failed);
    this.child.on('exit', (code, signal) => failed(new Error(`${path} ended: ${signal ?? code}`)));
  }
  ask(question) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.child.stdin.write(text(question) + '\n');
    });
  }
  end() {
    this.child.stdin.end();
  }
}
