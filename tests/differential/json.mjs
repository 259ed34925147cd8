// JSON with integers of any size: JavaScript's numbers end at 2^53, so beyond that they are BigInt.
const kMark = '\uf8ff'; // in no text that is made here
const kMarked = new RegExp(`"${kMark}(-?\\d+)${kMark}"`, 'g');
const kPlain = JSON.stringify;

export function text(json, replacer, indent) {
  const marked = (key, value) => (typeof value === 'bigint' ? `${kMark}${value}${kMark}` : value);
  return kPlain(json, replacer ?? marked, indent)?.replaceAll(kMarked, '$1');
}
