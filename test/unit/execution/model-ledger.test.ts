import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ModelLedger } from '../../../src/execution/model/model-ledger.ts';
import { receipt } from '../../../src/execution/outcomes.ts';
import type { SignedBody } from '../../../src/types/payload.ts';
import type { Receipt } from '../../../src/types/receipt.ts';
import { accountAddress } from '../../../src/types/transaction-codec.ts';
import {
  accountsBin,
  BALANCES,
  codes,
  commitOf,
  GENESIS,
  hasher,
  key,
  openModel,
  oracle,
  pay,
  START_MS,
  signed,
} from './fixture.ts';

const anchor = { kind: 'data-anchor' as const, data: Uint8Array.of(1) };
const open = (byte: number) => ({ kind: 'open-account' as const, publicKey: key(byte) });
const rotate = (byte: number) => ({ kind: 'rotate-key' as const, publicKey: key(byte) });

/** Executes one commit of these and answers balances of asset 0 beside the codes. */
function run(
  items: readonly SignedBody[],
  ledger = openModel(),
): { codes: string[]; balances: bigint[]; receipts: Receipt[] } {
  const executed = ledger.execute(commitOf(ledger.lastCommit + 1, items));
  const receipts = [...executed.outcomes].flatMap((outcome) => (outcome.kind === 'applied' ? [receipt(outcome)] : []));
  const balances = [0, 1, 2, 3].map((handle) => ledger.accountByHandle(handle)?.balances[0] as bigint);
  return { codes: codes(executed), balances, receipts };
}

describe('transfers', () => {
  it('of an atomic batch happen all, and the fee goes to the pool', () => {
    const { codes, balances, receipts } = run([signed(0, pay([1, 100n], [2, 1n], [0, 5n]))]);
    assert.deepEqual([codes, balances], [['OK'], [889n, 2_100n, 31n, 400n]]);
    assert.deepEqual(
      receipts.map(({ sender, nonce, fee, detail, transfers }) => [sender, nonce, fee, detail, transfers]),
      [[0, 0, 10n, 0, 3]],
    );
  });

  for (const [name, transfers, code, index] of [
    [
      'the balance',
      [
        [1, 990n],
        [2, 1n],
      ],
      'INSUFFICIENT_BALANCE',
      1,
    ],
    [
      'a recipient',
      [
        [1, 1n],
        [4, 1n],
        [1, 5_000n],
      ],
      'UNKNOWN_RECIPIENT',
      1,
    ],
    ['a frozen recipient', [[3, 1n]], 'RECIPIENT_FROZEN', 0],
  ] as const) {
    it(`of an atomic batch happen not at all for want of ${name}; the fee is gone and the nonce used`, () => {
      const ledger = openModel({}, { frozen: [3] });
      const { codes, balances, receipts } = run([signed(0, pay(...transfers))], ledger);
      assert.deepEqual([codes, balances, receipts[0]?.detail], [[code], [990n, 2_000n, 30n, 400n], index]);
      assert.equal(ledger.accountByHandle(0)?.nonce, 1);
    });
  }

  it('of a best-effort batch stand for themselves, against the balance then left', () => {
    const batch = { ...pay([1, 900n], [9, 1n], [2, 91n], [0, 90n], [2, 90n]), atomic: false };
    const { codes, balances, receipts } = run([signed(0, batch)]);
    assert.deepEqual([codes, balances], [['PARTIAL'], [0n, 2_900n, 120n, 400n]]);
    assert.deepEqual([receipts[0]?.detail, receipts[0]?.bitmap], [3, Uint8Array.of(0b11001)]);
  });

  it('of a further asset leave the first alone, and an unknown one fails', () => {
    const ledger = openModel();
    const of = (asset: number, nonce: number) => signed(1, { ...pay([0, 7n]), asset, nonce });
    assert.deepEqual(run([of(1, 0), of(2, 1)], ledger).codes, ['OK', 'UNKNOWN_ASSET']);
    assert.deepEqual(ledger.accountByHandle(0)?.balances, [1_000n, 7n]);
    assert.deepEqual(ledger.accountByHandle(1)?.balances, [1_980n, 70n]);
  });
});

describe('accounts', () => {
  it('are opened with the next handle for a deposit, which may pay from the next commit on', () => {
    const ledger = openModel();
    const { codes, receipts } = run([signed(1, open(0x40)), signed(0, { ...open(0x40) })], ledger);
    // The second is over the limit of one a commit: dropped, so it may come again.
    assert.deepEqual([codes, receipts[0]?.detail], [['OK', 'OPEN_LIMIT'], 4]);
    assert.equal(ledger.accountByHandle(1)?.balances[0], 2_000n - 10n - 100n);
    assert.equal(ledger.account(accountAddress(hasher, key(0x40)))?.handle, 4);
    assert.deepEqual(run([signed(0, open(0x40)), signed(2, open(0x41))], ledger).codes, [
      'EXISTS',
      'INSUFFICIENT_BALANCE',
    ]);
    assert.deepEqual(run([signed(0, { ...pay([4, 50n]), nonce: 1 }), signed(0x40, anchor)], ledger).codes, [
      'OK',
      'OK',
    ]);
  });

  it('change keys: the old one is refused at once, the new one is known from the next commit on', () => {
    const ledger = openModel();
    const spend = (keyVersion: number, nonce: number, signer: number) =>
      signed(0, { ...anchor, keyVersion, nonce }, signer);
    const first = run([signed(0, rotate(0x50)), spend(0, 1, 0), spend(1, 1, 0x50)], ledger);
    assert.deepEqual(first.codes, ['OK', 'KEY_ROTATED', 'UNKNOWN_KEY']);
    // The author of the block had not executed the rotation.
    const early = ledger.execute(commitOf(2, [spend(1, 1, 0x50)], { executedCommit: 0 }));
    assert.deepEqual(codes(early), ['UNKNOWN_KEY']);
    assert.deepEqual(run([spend(1, 1, 0), spend(1, 1, 0x50), spend(0, 2, 0)], ledger).codes, [
      'BAD_SIGNATURE',
      'OK',
      'KEY_ROTATED',
    ]);
  });
});

describe('what is dropped changes nothing and may come again', () => {
  const cases: readonly (readonly [code: string, item: SignedBody])[] = [
    ['MALFORMED', { ...signed(0, anchor), body: Uint8Array.of(1) }],
    ['UNKNOWN_SENDER', signed(0x60, anchor)],
    ['UNKNOWN_KEY', signed(0, { ...anchor, keyVersion: 1 })],
    ['BAD_SIGNATURE', signed(0, anchor, 1)],
    ['NONCE_GAP', signed(0, { ...anchor, nonce: 1 })],
    ['EXPIRED', signed(0, { ...anchor, expiryMs: START_MS })],
    ['EXPIRY_TOO_FAR', signed(0, { ...anchor, expiryMs: START_MS + 1 + 60_001 })],
    ['FEE', signed(0, { ...anchor, fee: 4n })],
    ['FEE', signed(0, { ...pay([1, 1n]), fee: 5n })],
    ['FEE', signed(2, { ...anchor, fee: 31n })],
    ['FROZEN', signed(3, anchor)],
  ];

  for (const [code, item] of cases) {
    it(code, () => {
      const ledger = openModel({}, { frozen: [3] });
      assert.deepEqual(run([item], ledger), { codes: [code], balances: [...BALANCES], receipts: [] });
      assert.equal(ledger.accountByHandle(0)?.nonce, 0);
    });
  }

  it('at the edges of expiry and fee a transaction is applied', () => {
    const now = START_MS + 1;
    const edges = [
      { expiryMs: now },
      { expiryMs: now + 60_000, nonce: 1 },
      { fee: 5n, nonce: 2 },
      { fee: 975n, nonce: 3 },
    ];
    assert.deepEqual(run(edges.map((edge) => signed(0, { ...anchor, ...edge }))).codes, ['OK', 'OK', 'OK', 'OK']);
  });

  it('STALE_BLOCK, on either side of the window', () => {
    const ledger = openModel();
    for (let index = 1; index <= 4; index++) ledger.execute(commitOf(index, []));
    const verdicts = [1, 2, 4, 5].map((executedCommit) => {
      const index = ledger.lastCommit + 1;
      const item = signed(1, { ...anchor, nonce: ledger.accountByHandle(1)?.nonce ?? 0 });
      // Each commit is one later, so the window [index - 3, index - 1] moves along.
      return codes(ledger.execute(commitOf(index, [item], { executedCommit: executedCommit + index - 5 })))[0];
    });
    assert.deepEqual(verdicts, ['STALE_BLOCK', 'OK', 'OK', 'STALE_BLOCK']);
  });

  it('NONCE_USED for every further copy, whatever became of the first', () => {
    const failing = signed(0, pay([1, 5_000n]));
    assert.deepEqual(run([failing, failing]).codes, ['INSUFFICIENT_BALANCE', 'NONCE_USED']);
  });

  it('a wrongly signed copy does not harm the genuine one', () => {
    const genuine = signed(0, anchor);
    const copy = { ...genuine, signature: genuine.signature.slice().fill(1) };
    assert.deepEqual(run([copy, genuine, copy]).codes, ['BAD_SIGNATURE', 'OK', 'BAD_SIGNATURE']);
  });
});

describe('a payload that breaks half way', () => {
  it('is undone, keeps fee and nonce, and the next one runs', () => {
    const ledger = openModel({}, { poison: Uint8Array.of(6, 6) });
    const poison = signed(0, { ...anchor, data: Uint8Array.of(6, 6) });
    const { codes, balances } = run([poison, signed(0, { ...anchor, nonce: 1 })], ledger);
    assert.deepEqual([codes, balances[0]], [['INTERNAL', 'OK'], 980n]);
  });
});

describe('checkpoints', () => {
  const execute = (ledger: ModelLedger, timeMs: number, items: readonly SignedBody[] = []) =>
    ledger.execute(commitOf(ledger.lastCommit + 1, items, { timeMs })).checkpoint?.statement;

  it('come by commit time: soon after something was applied, seldom otherwise', () => {
    const ledger = openModel();
    assert.equal(execute(ledger, 999, [signed(0, anchor)]), undefined);
    assert.equal(execute(ledger, 1_000)?.index, 1);
    assert.equal(execute(ledger, 2_500, [signed(0, anchor)]), undefined, 'a dropped copy is nothing');
    assert.equal(execute(ledger, 5_999), undefined);
    assert.equal(execute(ledger, 6_000)?.index, 2);
  });

  it('are chained from the network id', () => {
    const ledger = openModel();
    assert.equal(execute(ledger, 5_000)?.previousDigest, GENESIS.networkId);
    const { digest } = ledger.lastCheckpoint ?? assert.fail();
    assert.equal(execute(ledger, 10_000)?.previousDigest, digest);
  });

  it('state roots that any change of the state changes', () => {
    const roots = (items: readonly SignedBody[]): string => {
      const statement = execute(openModel(), 5_000, items) ?? assert.fail();
      return `${statement.accountsRoot} ${statement.systemRoot} ${statement.resultsRoot}`;
    };
    const seen = new Set([
      roots([]),
      roots([signed(0, anchor)]),
      roots([signed(1, anchor)]),
      roots([signed(0, pay([1, 1n]))]),
    ]);
    assert.equal(seen.size, 4);
  });
});

describe('restoring', () => {
  const options = { genesis: GENESIS, accounts: accountsBin() };
  const modules = { hasher, oracle };

  it('continues as the ledger did', () => {
    const ledger = openModel();
    run([signed(1, open(0x40)), signed(0, rotate(0x50))], ledger);
    const restored = ModelLedger.restore(options, modules, ledger.snapshot(), ledger.appendedKeys(0, 10));
    const commit = commitOf(2, [signed(0, { ...anchor, keyVersion: 1, nonce: 1 }, 0x50)], { timeMs: 3_000 });
    assert.deepEqual(restored.execute(commit), ledger.execute(commit));
    assert.deepEqual(restored.snapshot(), ledger.snapshot());
  });

  it('refuses other networks, missing parts, missing keys and a state that is not that of its statement', () => {
    const ledger = openModel();
    ledger.execute(commitOf(1, [signed(1, open(0x40))], { timeMs: 1_000 }));
    const [system, accounts] = ledger.snapshot() as [Uint8Array, Uint8Array];
    const keys = ledger.appendedKeys(0, 10);
    const restore =
      (parts: readonly Uint8Array[], appended = keys) =>
      () =>
        ModelLedger.restore(options, modules, parts, appended);
    assert.equal(restore([system, accounts])().lastCommit, 1);
    const changed = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, (bytes[at] as number) ^ 1);
    assert.throws(restore([changed(system, 1), accounts]), { code: 'LEDGER_SNAPSHOT' });
    assert.throws(restore([system]), { code: 'LEDGER_SNAPSHOT' });
    assert.throws(restore([]), { code: 'LEDGER_SNAPSHOT' });
    assert.throws(restore([system.subarray(0, -1), accounts]), { code: 'LEDGER_SNAPSHOT' });
    assert.throws(restore([system, changed(accounts, 0)]), { code: 'LEDGER_SNAPSHOT' });
    assert.throws(restore([system, accounts], keys.subarray(1)), { code: 'LEDGER_KEY_FILE', fields: { slot: 4 } });
  });
});

describe('execution in order', () => {
  it('refuses any commit but the next, and time that goes back', () => {
    const ledger = openModel();
    assert.throws(() => ledger.execute(commitOf(2, [])), { code: 'LEDGER_ORDER', fields: { expected: 1, got: 2 } });
    ledger.execute(commitOf(1, [], { timeMs: 50 }));
    assert.throws(() => ledger.execute(commitOf(2, [], { timeMs: 49 })), { code: 'LEDGER_INPUT' });
  });
});
