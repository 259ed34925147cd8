// Random choices that a seed and a number reproduce: sfc32, seeded by a hash of both.
export class Random {
  constructor(seed, number) {
    let h = 0x811c9dc5;
    for (const c of `${seed}/${number}`) h = Math.imul(h ^ c.codePointAt(0), 0x01000193);
    this.a = h;
    this.b = h ^ 0x9e3779b9;
    this.c = Math.imul(h, 0x85ebca6b);
    this.d = 1;
    for (let i = 0; i < 12; ++i) this.bits();
  }
  bits() {
    const t = (this.a + this.b + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + t;
    return t >>> 0;
  }
  below(n) {
    return Math.floor((this.bits() / 0x100000000) * n);
  }
  between(low, high) {
    return low + this.below(high - low + 1);
  }
  chance(probability) {
    return this.bits() / 0x100000000 < probability;
  }
  pick(list) {
    return list[this.below(list.length)];
  }
  // Each with the probability.
  some(list, probability) {
    return list.filter(() => this.chance(probability));
  }
  // Calls one of [weight, function, …].
  weighted(...choices) {
    let total = 0;
    for (let i = 0; i < choices.length; i += 2) total += choices[i];
    let at = this.below(total);
    for (let i = 0; ; i += 2) {
      at -= choices[i];
      if (at < 0) return choices[i + 1]();
    }
  }
  list(count, make) {
    return Array.from({ length: count }, (_, i) => make(i));
  }
}
