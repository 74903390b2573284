import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AdmissionOutcome, addressSource } from '../../../src/pipeline/index.ts';
import { MAX_TRANSACTION_BYTES, SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import type { SignedBody } from '../../../src/types/payload.ts';
import type { DataAnchor } from '../../../src/types/transaction.ts';
import { encodeTransactionBody } from '../../../src/types/transaction-codec.ts';
import { assertDefined } from '../../../src/util/assert.ts';
import { admissionFixture, anchor, forged, PARAMETERS, signed } from './admission-fixture.ts';
import { ALICE, address, BOB, NOW_MS } from './test-accounts.ts';

const SOURCE = '192.0.2.0/24';
const HORIZON_MS = PARAMETERS.expiryHorizonMs;

type Fixture = ReturnType<typeof admissionFixture>;

async function submitOne(
  { admission }: Pick<Fixture, 'admission'>,
  item: SignedBody,
  source = SOURCE,
): Promise<AdmissionOutcome> {
  return assertDefined((await admission.submit([item], source))[0], 'an outcome an item');
}

async function expectRefusal(
  fixture: Fixture,
  item: SignedBody,
  code: string,
  fields: object,
  retryable: boolean,
): Promise<void> {
  const outcome = await submitOne(fixture, item);
  assert.ok(outcome.status === 'refused', `${code} expected, got ${outcome.status}`);
  assert.equal(outcome.error.code, code);
  assert.deepEqual(outcome.error.fields, fields);
  assert.equal(outcome.error.retryable, retryable);
}

test('a valid transaction is accepted, and is known afterwards at the price of a look-up', async () => {
  const fixture = admissionFixture();
  const first = await submitOne(fixture, signed());
  assert.equal(first.status, 'accepted');
  assert.deepEqual(await submitOne(fixture, signed()), { id: first.id, status: 'known' });
  assert.equal(fixture.verifier.verified, 1);
  assert.deepEqual(
    fixture.mempool.take({ maxBytes: 10_000, maxTransactions: 1 }).map((tx) => tx.id),
    [first.id],
  );
});

const bytesOf = ({ body, signature }: SignedBody): number => body.length + signature.length;
const minimumFee = PARAMETERS.feeBase + PARAMETERS.feePerByte * BigInt(bytesOf(signed()));

/** One thing broken each; none of them costs a verification. */
const CHEAP_REFUSALS: readonly {
  readonly code: string;
  readonly change?: Partial<DataAnchor>;
  readonly item?: SignedBody;
  readonly arrange?: (fixture: Fixture) => void;
  readonly fields: object;
  readonly retryable: boolean;
}[] = [
  {
    code: 'TOO_LARGE',
    item: { body: new Uint8Array(MAX_TRANSACTION_BYTES - SIGNATURE_BYTES + 1), signature: signed().signature },
    fields: { bytes: MAX_TRANSACTION_BYTES + 1, limit: MAX_TRANSACTION_BYTES },
    retryable: false,
  },
  {
    code: 'TRUNCATED',
    item: { ...signed(), body: signed().body.slice(0, -1) },
    fields: { field: 'data', offset: 64 },
    retryable: false,
  },
  {
    code: 'TRAILING_BYTES',
    item: { ...signed(), body: Uint8Array.of(...signed().body, 0) },
    fields: { field: 'end', offset: 67 },
    retryable: false,
  },
  {
    code: 'NON_CANONICAL',
    item: { ...signed(), body: Uint8Array.of(2, ...signed().body.slice(1)) },
    fields: { field: 'version', offset: 1 },
    retryable: false,
  },
  {
    code: 'NON_CANONICAL',
    item: { ...signed(), signature: new Uint8Array(SIGNATURE_BYTES - 1) },
    fields: { field: 'signature', bytes: SIGNATURE_BYTES - 1 },
    retryable: false,
  },
  { code: 'UNKNOWN_SENDER', change: { sender: address(7) }, fields: { sender: address(7) }, retryable: true },
  {
    code: 'KEY_ROTATED',
    arrange: ({ accounts }) => accounts.set(ALICE, { keyVersion: 1 }),
    fields: { version: 0, current: 1 },
    retryable: false,
  },
  { code: 'UNKNOWN_KEY', change: { keyVersion: 1 }, fields: { version: 1, current: 0 }, retryable: true },
  {
    code: 'NONCE_USED',
    arrange: ({ accounts }) => accounts.set(ALICE, { nextNonce: 1 }),
    fields: { nonce: 0, next: 1 },
    retryable: false,
  },
  { code: 'NONCE_TOO_FAR', change: { nonce: 64 }, fields: { nonce: 64, next: 0 }, retryable: true },
  { code: 'EXPIRED', change: { expiryMs: NOW_MS }, fields: { expiryMs: NOW_MS, nowMs: NOW_MS }, retryable: false },
  {
    code: 'EXPIRY_TOO_FAR',
    change: { expiryMs: NOW_MS + HORIZON_MS + 1 },
    fields: { expiryMs: NOW_MS + HORIZON_MS + 1, nowMs: NOW_MS, horizonMs: HORIZON_MS },
    retryable: true,
  },
  {
    code: 'FEE_TOO_LOW',
    change: { fee: minimumFee - 1n },
    fields: { fee: minimumFee - 1n, minimum: minimumFee },
    retryable: false,
  },
  {
    code: 'BALANCE_TOO_LOW',
    arrange: ({ accounts }) => accounts.set(ALICE, { feeBalance: 9_999n }),
    fields: { fee: 10_000n, balance: 9_999n },
    retryable: true,
  },
];

for (const { code, change, item, arrange, fields, retryable } of CHEAP_REFUSALS) {
  test(`${code} costs no verification (${Object.keys(fields).join(', ')})`, async () => {
    const fixture = admissionFixture();
    arrange?.(fixture);
    await expectRefusal(fixture, item ?? signed(anchor(change)), code, fields, retryable);
    assert.equal(fixture.verifier.verified, 0);
    assert.equal(fixture.signatures.items, 0);
  });
}

test('the limits themselves are accepted', async () => {
  for (const change of [
    { nonce: 63 },
    { expiryMs: NOW_MS + 1 },
    { expiryMs: NOW_MS + HORIZON_MS },
    { fee: minimumFee },
  ]) {
    assert.equal((await submitOne(admissionFixture(), signed(anchor(change)))).status, 'accepted');
  }
});

test('a bad signature is refused, and refused again without being verified', async () => {
  const fixture = admissionFixture();
  await expectRefusal(fixture, forged(), 'BAD_SIGNATURE', {}, false);
  await expectRefusal(fixture, forged(), 'BAD_SIGNATURE', {}, false);
  assert.equal(fixture.verifier.verified, 1);
});

test("garbage beside a victim's body, before and after, does not suppress the genuine transaction", async () => {
  const fixture = admissionFixture();
  for (let variant = 0; variant < 5; variant++)
    await expectRefusal(fixture, forged(anchor(), variant), 'BAD_SIGNATURE', {}, false);
  const genuine = await submitOne(fixture, signed());
  assert.equal(genuine.status, 'accepted');
  await expectRefusal(fixture, forged(anchor(), 9), 'BAD_SIGNATURE', {}, false);
  assert.deepEqual(
    fixture.mempool.take({ maxBytes: 10_000, maxTransactions: 1 }).map((tx) => tx.id),
    [genuine.id],
  );
});

test("garbage under way does not hold the genuine transaction's place", async () => {
  const fixture = admissionFixture();
  fixture.verifier.held = true;
  const both = [submitOne(fixture, forged()), submitOne(fixture, signed())];
  fixture.verifier.release();
  assert.deepEqual(
    (await Promise.all(both)).map((outcome) => outcome.status),
    ['refused', 'accepted'],
  );
});

test('a transaction submitted many times at once is verified once', async () => {
  const fixture = admissionFixture();
  const outcomes = await fixture.admission.submit(
    Array.from({ length: 1_000 }, () => signed()),
    SOURCE,
  );
  assert.equal(outcomes.filter((outcome) => outcome.status === 'accepted').length, 1);
  assert.equal(outcomes.filter((outcome) => outcome.status === 'known').length, 999);
  assert.equal(fixture.verifier.verified, 1);
});

test('an untrusted source pays for each verification, never the sender it names', async () => {
  const fixture = admissionFixture({ sourceVerificationsPerSecond: 10, sourceBurst: 3 });
  const flood = await fixture.admission.submit(
    Array.from({ length: 5 }, (_, variant) => forged(anchor(), variant)),
    SOURCE,
  );
  assert.deepEqual(
    flood.map((outcome) => outcome.status === 'refused' && outcome.error.code),
    ['BAD_SIGNATURE', 'BAD_SIGNATURE', 'BAD_SIGNATURE', 'BUSY', 'BUSY'],
  );
  const last = flood[4] as AdmissionOutcome;
  assert.ok(last.status === 'refused');
  assert.deepEqual(last.error.fields, { what: 'source budget', retryAfterMs: 100 });
  assert.equal(last.error.retryAfterMs, 100);
  assert.equal(last.error.retryable, true);
  assert.equal((await submitOne(fixture, signed(), '198.51.100.0/24')).status, 'accepted');
  fixture.time.monotonic += 100;
  assert.equal((await submitOne(fixture, signed(anchor({ sender: BOB })))).status, 'accepted');
});

test('a trusted source has no budget', async () => {
  const fixture = admissionFixture({ sourceVerificationsPerSecond: 1, sourceBurst: 1, trustedSources: [SOURCE] });
  const items = Array.from({ length: 60 }, (_, nonce) => signed(anchor({ nonce })));
  const outcomes = await fixture.admission.submit(items, SOURCE);
  assert.ok(outcomes.every((outcome) => outcome.status === 'accepted'));
});

test('remembered sources are bounded', async () => {
  const fixture = admissionFixture({ sourceBurst: 1, maxSources: 2 });
  for (const source of ['a', 'b', 'c']) await submitOne(fixture, forged(anchor(), source.charCodeAt(0)), source);
  assert.equal((await submitOne(fixture, signed(), 'c')).status, 'refused', 'still remembered');
  assert.equal((await submitOne(fixture, signed(), 'a')).status, 'accepted', 'starts afresh');
});

test('beyond the verify queue the answer is BUSY with a time, and the queue does not grow', async () => {
  const fixture = admissionFixture({ maxVerifyItems: 10, trustedSources: [SOURCE] });
  fixture.verifier.held = true;
  const items = Array.from({ length: 100 }, (_, variant) => forged(anchor(), variant));
  const submitted = fixture.admission.submit(items, SOURCE);
  assert.equal(fixture.signatures.items, 10);
  fixture.verifier.release();
  const outcomes = await submitted;
  const busy = outcomes.filter((outcome) => outcome.status === 'refused' && outcome.error.code === 'BUSY');
  assert.equal(busy.length, 90);
  const [first] = busy;
  assert.ok(first?.status === 'refused');
  assert.deepEqual(first.error.fields, { what: 'verify queue', retryAfterMs: 1_000 });
  assert.deepEqual([fixture.signatures.items, fixture.signatures.bytes], [0, 0]);
});

test('the verify queue is bounded in bytes too', async () => {
  const fixture = admissionFixture({ maxVerifyBytes: 10_000 });
  fixture.verifier.held = true;
  const submitted = fixture.admission.submit(
    Array.from({ length: 5 }, (_, variant) => forged(anchor(), variant)),
    SOURCE,
  );
  assert.equal(fixture.signatures.items, 2);
  fixture.verifier.release();
  await submitted;
});

test('a verifier that could not check answers BUSY, and the transaction may come again', async () => {
  const fixture = admissionFixture();
  fixture.verifier.broken = true;
  await expectRefusal(fixture, signed(), 'BUSY', { what: 'verifier', retryAfterMs: 1_000 }, true);
  fixture.verifier.broken = false;
  assert.equal((await submitOne(fixture, signed())).status, 'accepted');
});

test('the ledger may move while a signature is verified', async () => {
  const moves: readonly (readonly [string, (fixture: Fixture) => void])[] = [
    ['NONCE_USED', ({ accounts }) => accounts.set(ALICE, { nextNonce: 1 })],
    ['KEY_ROTATED', ({ accounts }) => accounts.set(ALICE, { keyVersion: 1 })],
  ];
  for (const [code, move] of moves) {
    const fixture = admissionFixture();
    fixture.verifier.held = true;
    const submitted = submitOne(fixture, signed());
    move(fixture);
    fixture.verifier.release();
    const outcome = await submitted;
    assert.ok(outcome.status === 'refused');
    assert.equal(outcome.error.code, code);
  }
});

test('what the mempool refuses is refused', async () => {
  const fixture = admissionFixture({}, { maxSenderBytes: 5_000 });
  assert.equal((await submitOne(fixture, signed())).status, 'accepted');
  const next = signed(anchor({ nonce: 1 }));
  await expectRefusal(fixture, next, 'SENDER_LIMIT', { bytes: 4 + bytesOf(next), limit: 5_000 }, true);
  const rival = await submitOne(fixture, signed(anchor({ data: Uint8Array.of(9) })));
  assert.ok(rival.status === 'refused');
  assert.equal(rival.error.code, 'SLOT_TAKEN');
  const full = admissionFixture({}, { maxBytes: 5_000 });
  await submitOne(full, signed());
  const bobs = await submitOne(full, signed(anchor({ sender: BOB })));
  assert.ok(bobs.status === 'refused');
  assert.equal(bobs.error.code, 'MEMPOOL_FULL');
});

test('what was displaced is told', async () => {
  const fixture = admissionFixture();
  const cheap = await submitOne(fixture, signed());
  const dear = await submitOne(fixture, signed(anchor({ fee: 20_000n })));
  assert.deepEqual(dear, { id: dear.id, status: 'accepted', displaced: [cheap.id] });
});

test('random bytes never throw', async () => {
  const fixture = admissionFixture();
  const body = encodeTransactionBody(anchor());
  const items = Array.from({ length: body.length * 4 }, (_, i) => {
    const changed = body.slice();
    changed[i >> 2] = (changed[i >> 2] as number) ^ (1 << (i & 7));
    return { body: i % 3 === 0 ? changed.subarray(0, i >> 2) : changed, signature: forged(anchor(), i).signature };
  });
  const outcomes = await fixture.admission.submit(
    [...items, { body: new Uint8Array(0), signature: new Uint8Array(0) }],
    SOURCE,
  );
  assert.ok(outcomes.every((outcome) => outcome.status === 'refused'));
  assert.equal(fixture.mempool.stats.transactions, 0);
});

test('an address counts for its /24 or /48', () => {
  const sources = {
    '192.0.2.77': '192.0.2.0/24',
    '::ffff:192.0.2.77': '192.0.2.0/24',
    '127.0.0.1': '127.0.0.0/24',
    '::1': '0:0:0::/48',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1::/48',
    '2001:DB8::1': '2001:db8:0::/48',
    '2001:0db8:0001::': '2001:db8:1::/48',
    'fe80::1%eth0': 'fe80:0:0::/48',
    '1::2.3.4.5': '1:0:0::/48',
    '/run/av10.sock': '/run/av10.sock',
  };
  for (const [text, source] of Object.entries(sources)) assert.equal(addressSource(text), source, text);
});
