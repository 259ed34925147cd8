// What tends to go wrong: values at the edges, and how they are written.
export const longs = [
  '0', '1', '2', '3', '-1', '-2', '7', '255', '4611686018427387904', '9223372036854775807',
  '9223372036854775806', '-9223372036854775808', '-9223372036854775807', '3037000500',
  '-3037000500', '4294967296', '9007199254740992', '9007199254740993', '86400000', '-62135596800000', '9223372036854775808',
];
// As JSON, past what a double holds exactly and past what a Long holds.
export const jsonLongs = [0, 1, 2, 3, -1, -2, 7, 255, 4294967296, 9007199254740991, -9007199254740991,
  9007199254740993n, -9007199254740993n, 4611686018427387904n, 9223372036854775806n, 9223372036854775807n,
  -9223372036854775807n, -9223372036854775808n];
export const noJsonLongs = [9223372036854775808n, -9223372036854775809n, 18446744073709551615n,
  100000000000000000000000000000n, 1.5, 1e21, 0.1];
export const strings = [
  '', 'a', 'b', 'ab', 'abc', 'a*b', '*', '**', '\\', '"', "'", '\n', '\t', '\0', 'ü', 'é', 'e\u0301',
  '😀', 'a😀b', '\u2028', ' ', ' a ', 'User::"a"', '//', '/*', '\u202e', 'aaaaaaaaaaaaaaaaaaaab',
];
export const ids = [
  'a', 'b', 'c', 'alice', '', 'a"b', 'a\\b', 'ü', '😀', '\n', '\0', '*', "'", 'User::"a"', '0', ' ',
];
export const names = ['a', 'b', 'c', 'name', 'owner', 'tags'];
// Attributes that no dot can reach, or that look like keywords.
export const oddNames = ['', 'a b', 'if', 'in', 'like', 'has', 'is', 'true', 'principal', 'ü', '__x',
  'then', 'permit', 'when', '0', 'a"b', '\n'];
export const extensions = {
  ipaddr: {
    fn: 'ip',
    good: ['127.0.0.1', '10.0.0.0/8', '10.1.2.3/32', '0.0.0.0/0', '::1', '::/0', 'ffee::/64',
      '224.0.0.1', 'ff00::2/8', '::ffff', '192.168.0.1/31', 'a::f/120', '1:2:3:4:5:6:7:8'],
    bad: ['', '127.0.0.1/33', '127.0.0.256', '::ffff:127.0.0.1', '127.0.0.01', '10.0.0.1/08', '::1/129',
      'ip', ' 1.2.3.4', '1.2.3', '1:2:3:4:5:6:7:8:9', '10.0.0.0/', '::1%eth0', '1.2.3.4/+8'],
  },
  decimal: {
    fn: 'decimal',
    good: ['0.0', '1.0', '-1.0', '0.0001', '922337203685477.5807', '-922337203685477.5808', '12.34',
      '-0.5', '00.10', '-0.0', '1.1000'],
    bad: ['', '1', '1.', '.5', '1.00000', '922337203685477.5808', '+1.0', '1e3', '-.1', '1.0 ', '0x1.0',
      '- 1.0', '999999999999999999999.0'],
  },
  datetime: {
    fn: 'datetime',
    good: ['1970-01-01', '2024-02-29', '2024-10-15T11:35:00Z', '2024-10-15T11:35:00.123Z',
      '2024-10-15T11:35:00+0100', '2024-10-15T11:35:00.999-2359', '0000-01-01', '9999-12-31',
      '1969-12-31T23:59:59.999Z', '1000-01-01'],
    bad: ['', '2023-02-29', '2024-13-01', '2024-1-1', '2024-10-15T24:00:00Z', '2024-10-15T11:35Z',
      '2024-10-15T11:35:60Z', '2024-10-15T11:35:00+2400', '2024-10-15T11:35:00+01:00', '24-10-15',
      '2024-10-15T11:35:00', '2024-10-15T11:35:00.1Z', '2024-10-15t11:35:00z', '10000-01-01'],
  },
  duration: {
    fn: 'duration',
    good: ['0s', '1d', '1h', '1ms', '-1ms', '1d2h3m4s5ms', '-1d12h', '9223372036854775807ms',
      '-9223372036854775808ms', '106751991167d', '24h', '60m', '90m'],
    bad: ['', '1', 'd', '1h1d', '1.5h', '+1h', '1h 1m', '9223372036854775808ms', '106751991168d', '1D',
      '--1h', '1d1d', '-'],
  },
};

// A Cedar string literal, its characters escaped in one of the ways that there are.
export function quoted(random, text, pattern = false) {
  let out = '"';
  for (const c of text) {
    const code = c.codePointAt(0);
    if (c === '*' && pattern) {
      out += c;
    } else if (c === '"' || c === '\\') {
      out += '\\' + c;
    } else if (c === '\0') {
      out += random.pick(['\\0', '\\u{0}', '\\x00']);
    } else if (c === '\n') {
      out += random.pick(['\\n', '\\u{a}', '\\x0a', '\n']);
    } else if (c === "'" && random.chance(0.3)) {
      out += "\\'";
    } else if (code < 128 && random.chance(0.03)) {
      out += '\\x' + code.toString(16).padStart(2, '0');
    } else if (random.chance(0.05)) {
      out += `\\u{${code.toString(16)}}`;
    } else {
      out += c;
    }
  }
  return out + '"';
}

const kReserved = new Set(['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar']);
export const isBare = (name) => /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) && !kReserved.has(name);
