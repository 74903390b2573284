import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { type CanonicalValue, canonicalJson } from '../../../src/params/canonical-json.ts';
import {
  decodeGenesis,
  encodeGenesis,
  type Genesis,
  MAX_ASSETS,
  MAX_GENESIS_BYTES,
} from '../../../src/params/genesis.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { sampleGenesis } from '../../vectors/wire/sample-genesis.ts';
import { refusal } from './refusal.ts';

const { hasher } = nativeBackend();
const CONTENT = sampleGenesis(hasher);
const BYTES = encodeGenesis(CONTENT);
const decode = (bytes: Uint8Array): Genesis => decodeGenesis(hasher, bytes);

interface Document {
  [field: string]: CanonicalValue;
  parameters: Record<string, CanonicalValue>;
  assets: Record<string, CanonicalValue>[];
  validators: Record<string, CanonicalValue>[];
  accounts: Record<string, CanonicalValue>;
}

/** The valid document after a change, in canonical form. */
function changed(change: (document: Document) => void): Uint8Array {
  const document = JSON.parse(new TextDecoder().decode(BYTES)) as Document;
  change(document);
  return utf8(canonicalJson(document));
}

const first = (list: Record<string, CanonicalValue>[]): Record<string, CanonicalValue> => list[0] ?? assert.fail();

describe('genesis', () => {
  it('says again what it was made of, and is named by its bytes', () => {
    const { networkId, committee, ...rest } = decode(BYTES);
    const { members, ...content } = CONTENT;
    assert.deepEqual(rest, content);
    assert.deepEqual(new Set(committee.members), new Set(members));
    assert.equal(networkId, hasher.plain(BYTES).toHex());
  });

  it('is the same whatever the order in which validators were given', () => {
    assert.deepEqual(encodeGenesis({ ...CONTENT, members: CONTENT.members.toReversed() }), BYTES);
  });

  it('has another name for every other content', () => {
    const names = [
      BYTES,
      changed((document) => {
        document.name = 'other';
      }),
      changed((document) => {
        document.timeMs = 1;
      }),
      changed((document) => {
        document.parameters.gcDepth = 900;
      }),
    ].map((bytes) => decode(bytes).networkId);
    assert.equal(new Set(names).size, names.length);
  });
});

describe('genesis in another form is refused', () => {
  const problem = ['it is not in canonical form (RFC 8785, validators by id)'];
  const text = new TextDecoder().decode(BYTES);
  for (const [name, other] of Object.entries({
    'with a space': text.replace(':', ': '),
    'with a line end': `${text}\n`,
    'with a byte order mark': `\ufeff${text}`,
    'with an escaped letter': text.replace('"name"', '"n\\u0061me"'),
    'with a fraction that is none': text.replace(/"timeMs":[0-9]+/, '$&.0'),
    'with a key twice': text.replace('{', '{"name":"first",'),
  })) {
    it(name, () => assert.throws(() => decode(utf8(other)), refusal('GENESIS_INVALID', problem)));
  }

  it('with its validators in another order', () => {
    const bytes = changed((document) => document.validators.reverse());
    assert.throws(() => decode(bytes), refusal('GENESIS_INVALID', problem));
  });
});

describe('genesis that cannot be read is refused', () => {
  for (const [name, bytes, problem] of [
    [
      'too long',
      new Uint8Array(MAX_GENESIS_BYTES + 1),
      `${MAX_GENESIS_BYTES + 1} bytes, at most ${MAX_GENESIS_BYTES} allowed`,
    ],
    ['a list', utf8('[]'), 'an object expected'],
    ['null', utf8('null'), 'an object expected'],
  ] as const) {
    it(name, () => assert.throws(() => decode(bytes), refusal('GENESIS_INVALID', [problem])));
  }

  for (const [name, bytes] of Object.entries({
    nothing: new Uint8Array(0),
    'no JSON': utf8('{'),
    'no UTF-8': Uint8Array.of(0xff),
  })) {
    it(name, () => {
      assert.throws(() => decode(bytes), { code: 'GENESIS_INVALID', fields: { problems: 1 }, message: /no JSON: / });
    });
  }
});

const FIELDS: readonly [name: string, change: (document: Document) => void, problem: string][] = [
  ['an unknown field', (d) => (d.colour = 'red'), 'colour: unknown field'],
  ['a missing name', (d) => delete d.name, 'name: text of at most 64 characters expected'],
  ['a long name', (d) => (d.name = 'x'.repeat(65)), 'name: text of at most 64 characters expected'],
  ['a negative time', (d) => (d.timeMs = -1), 'timeMs: an integer from 0 to 2^53 - 1 expected'],
  ['a time as text', (d) => (d.timeMs = '1'), 'timeMs: an integer from 0 to 2^53 - 1 expected'],
  ['parameters as a list', (d) => Object.assign(d, { parameters: null }), 'parameters: an object expected'],
  ['an unknown parameter', (d) => (d.parameters.speed = 1), 'parameters.speed: unknown field'],
  [
    'a parameter as text',
    (d) => (d.parameters.gcDepth = '9'),
    'parameters.gcDepth: an integer from 0 to 2^53 - 1 expected',
  ],
  ['a fee as a number', (d) => (d.parameters.feeBase = 1), 'parameters.feeBase: a u64 as a decimal string expected'],
  [
    'a fee with a zero before it',
    (d) => (d.parameters.feeBase = '01'),
    'parameters.feeBase: a u64 as a decimal string expected',
  ],
  [
    'a fee of 2^64',
    (d) => (d.parameters.feeBase = (2n ** 64n).toString()),
    'parameters.feeBase: a u64 as a decimal string expected',
  ],
  ['an inactive mode', (d) => (d.parameters.verification = 'attested'), "parameters.verification: 'full' expected"],
  [
    'too many validators',
    (d) => (d.validators = Array.from({ length: 101 }, () => first(d.validators))),
    'validators: a list of at most 100 expected',
  ],
  ['an unknown field of a validator', (d) => (first(d.validators).role = 'x'), 'validators[0].role: unknown field'],
  [
    'a short key',
    (d) => (first(d.validators).linkKey = '00'),
    'validators[0].linkKey: 2592 bytes in lower-case hexadecimal expected',
  ],
  [
    'an upper-case key',
    (d) => (first(d.validators).linkKey = 'AB'.repeat(2_592)),
    'validators[0].linkKey: 2592 bytes in lower-case hexadecimal expected',
  ],
  [
    'too many assets',
    (d) => (d.assets = Array.from({ length: MAX_ASSETS + 1 }, () => first(d.assets))),
    `assets: a list of at most ${MAX_ASSETS} expected`,
  ],
  ['an unknown field of an asset', (d) => (first(d.assets).owner = 1), 'assets[0].owner: unknown field'],
  [
    'a path as accounts file',
    (d) => (d.accounts.file = '../accounts.bin'),
    'accounts.file: a plain file name beside genesis.json expected',
  ],
  [
    'a hidden accounts file',
    (d) => (d.accounts.file = '.accounts'),
    'accounts.file: a plain file name beside genesis.json expected',
  ],
  ['a short hash', (d) => (d.accounts.blake3 = 'ab'), 'accounts.blake3: 32 bytes in lower-case hexadecimal expected'],
];

const MEANING: readonly [name: string, change: (document: Document) => void, problem: string][] = [
  ['a parameter out of range', (d) => (d.parameters.gcDepth = 2), 'gcDepth must be an integer from 3 to 100000, is 2'],
  ['no power', (d) => (first(d.validators).power = 0), 'V4: power must be an integer from 1, is 0'],
  ['a name twice', (d) => (first(d.validators).name = d.validators[1]?.name as string), 'two members share a name'],
  ['no asset', (d) => (d.assets = []), 'assets: at least the native asset is needed'],
  ['an asset without symbol', (d) => (first(d.assets).symbol = ''), 'assets[0].symbol: must not be empty'],
  ['19 decimals', (d) => (first(d.assets).decimals = 19), 'assets[0].decimals: at most 18'],
  [
    'an issued native asset',
    (d) => (first(d.assets).issued = { handle: 0, amount: '1' }),
    'assets[0].issued: the native asset is distributed by the accounts file',
  ],
  ['a further asset nobody has', (d) => delete d.assets[1]?.issued, 'assets[1].issued: missing'],
  [
    'an asset issued to nobody',
    (d) => Object.assign(d.assets[1] ?? {}, { issued: { handle: 3, amount: '1' } }),
    'assets[1].issued.handle: no such account',
  ],
  ['more accounts than handles', (d) => (d.accounts.count = 2 ** 32), 'accounts.count: handles are 32-bit'],
];

describe('genesis is refused for', () => {
  for (const [name, change, problem] of [...FIELDS, ...MEANING]) {
    it(name, () => {
      const bytes = changed((document) => void change(document));
      assert.throws(() => decode(bytes), refusal('GENESIS_INVALID', [problem]));
    });
  }

  for (const [name, list] of Object.entries({
    fields: FIELDS.slice(0, 2).concat(FIELDS.slice(8, 9)),
    meanings: [MEANING[0], MEANING[4], MEANING[5], MEANING[1]] as typeof MEANING,
  })) {
    it(`all of its problems at once: ${name}`, () => {
      const bytes = changed((document) => {
        for (const [, change] of list) change(document);
      });
      assert.throws(
        () => decode(bytes),
        refusal(
          'GENESIS_INVALID',
          list.map(([, , problem]) => problem),
        ),
      );
    });
  }
});
