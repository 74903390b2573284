import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { nativeBackend } from '../../src/crypto/native.ts';
import type { ExecutedCommit, Ledger } from '../../src/execution/ledger.ts';
import { ModelLedger } from '../../src/execution/model/model-ledger.ts';
import { NativeLedger } from '../../src/execution/native-ledger.ts';
import { simulatedSignature } from '../../src/execution/simulated-signature.ts';
import { decodeAccountProof, verifyAccountProof } from '../../src/types/account-proof.ts';
import { type Address, id } from '../../src/types/ids.ts';
import { APPLIED_CODES, DROPPED_CODES } from '../../src/types/receipt-code.ts';
import { equalBytes } from '../../src/util/bytes.ts';
import { Prng } from '../../src/util/prng.ts';
import { LedgerHistory, SIMULATION } from '../support/ledger-history.ts';

const HISTORIES = 24;
const COMMITS = 60;
const SEED = Number(process.env.AV10_TEST_SEED ?? Math.floor(Date.now() / 1000) % 2 ** 31);

const { hasher } = nativeBackend();
const oracle = (publicKey: Uint8Array, body: Uint8Array, signature: Uint8Array): boolean =>
  equalBytes(simulatedSignature(hasher, publicKey, body), signature);

describe(`model and native ledger agree (seed ${SEED})`, () => {
  let folder = '';
  const histogram = new Map<string, number>();

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'av10-ledger-'));
  });

  after(() => rmSync(folder, { recursive: true }));

  for (let i = 0; i < HISTORIES; i++) {
    it(`history ${SEED + i}`, () => {
      const applied = runHistory(SEED + i, join(folder, String(i)), histogram);
      assert.ok(applied > COMMITS, `a history that applies nothing proves nothing: ${applied} applied`);
    });
  }

  it('met every code', (t) => {
    t.diagnostic(JSON.stringify(Object.fromEntries(histogram)));
    const expected = [...Object.keys(APPLIED_CODES), ...Object.keys(DROPPED_CODES)].sort();
    assert.deepEqual([...histogram.keys()].sort(), expected, JSON.stringify(Object.fromEntries(histogram)));
  });
});

/** One history through the model and two native ledgers of different thread counts; answers how many transactions were applied. */
function runHistory(seed: number, path: string, histogram: Map<string, number>): number {
  const prng = new Prng(seed);
  const history = new LedgerHistory(hasher, prng);
  const { genesis, accountsBin } = history;
  const accountsFile = `${path}-accounts.bin`;
  writeFileSync(accountsFile, accountsBin);
  const modelOptions = { genesis, accounts: accountsBin, simulation: SIMULATION };
  const open = (keyFile: string, snapshot: readonly Uint8Array[] = []): NativeLedger =>
    new NativeLedger({ genesis, accountsFile, keyFile, threads: 1, verification: { simulated: SIMULATION } }, snapshot);
  let model = new ModelLedger(modelOptions, { hasher, oracle });
  let native = open(`${path}-keys.bin`);
  let applied = 0;
  for (let k = 1; k <= COMMITS; k++) {
    const commit = history.next(model);
    const expected = model.execute(commit);
    const got = native.execute(commit);
    assertEqualCommits(got, expected);
    assertInvariants(model, expected);
    for (const { code } of expected.outcomes) histogram.set(code, (histogram.get(code) ?? 0) + 1);
    applied += expected.applied;
    if (expected.checkpoint !== undefined) assertEqualProofs(native, model, prng);
    if (prng.chance(0.1)) {
      const parts = native.snapshot();
      const keys = native.appendedKeys(0, 2 ** 31);
      assert.deepEqual(parts, model.snapshot(), `snapshot at commit ${k}`);
      assert.deepEqual(keys, model.appendedKeys(0, 2 ** 31), `keys at commit ${k}`);
      native.close();
      native = open(`${path}-keys.bin`, parts);
      model = ModelLedger.restore(modelOptions, { hasher, oracle }, parts, keys);
      assert.deepEqual(native.lastCheckpoint, model.lastCheckpoint);
    }
  }
  native.close();
  return applied;
}

function assertEqualCommits(got: ExecutedCommit, expected: ExecutedCommit): void {
  const plain = ({ outcomes, ...rest }: ExecutedCommit): object => ({ ...rest, outcomes: [...outcomes] });
  assert.deepEqual(plain(got), plain(expected), `commit ${expected.index}`);
  assert.deepEqual(got.outcomes.bytes, expected.outcomes.bytes);
}

/** Applied and dropped never meet for one transaction, and nothing is applied twice. */
const appliedIds = new Set<string>();
function assertInvariants(ledger: Ledger, { outcomes, applied, dropped }: ExecutedCommit): void {
  assert.equal(outcomes.length, applied + dropped);
  for (const outcome of outcomes) {
    if (outcome.kind === 'dropped') continue;
    assert.ok(!appliedIds.has(outcome.id), `${outcome.id} applied twice`);
    appliedIds.add(outcome.id);
  }
  assert.ok(ledger.lastCommit > 0);
}

function assertEqualProofs(native: Ledger, model: Ledger, prng: Prng): void {
  const root = model.lastCheckpoint?.statement.accountsRoot;
  assert.ok(root !== undefined);
  assert.equal(native.sender(id<Address>('00'.repeat(32))), undefined);
  for (const asset of [0, 1, 2]) {
    const handle = prng.below(52);
    const proof = native.proof(handle, asset);
    assert.deepEqual(proof, model.proof(handle, asset), `proof of account ${handle}, asset ${asset}`);
    if (proof === undefined) continue;
    const proven = verifyAccountProof(hasher, decodeAccountProof(proof), root);
    const account = model.accountByHandle(handle);
    assert.deepEqual(
      [proven.address, proven.balance, proven.nonce],
      [account?.address, account?.balances[0], account?.nonce],
    );
    assert.equal(proven.further?.balance, asset === 0 ? undefined : account?.balances[asset]);
    assert.deepEqual(native.account(proven.address), account);
    assert.deepEqual(native.sender(proven.address), model.sender(proven.address));
  }
}
