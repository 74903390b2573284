import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { type ExecutedCommit, ModelLedger, NativeLedger, simulatedSignature } from '../../../src/execution/index.ts';
import { assert } from '../../../src/util/assert.ts';
import { equalBytes } from '../../../src/util/bytes.ts';
import { Prng } from '../../../src/util/prng.ts';
import { LedgerHistory, SIMULATION } from '../../support/ledger-history.ts';
import type { Outcome, Profile } from '../profile.ts';

const COMMITS = 40;
const ALL_KEYS = 2 ** 31;

/** What one ledger said, comparable with what the other said. */
type Said = readonly [what: string, said: string];

/** A history in which everything that can happen to a transaction does, executed by the model and by the engine in Rust. */
export const LEDGER: Profile = {
  name: 'ledger',
  about: 'model and native ledger on one history of every kind of transaction: equal receipts, roots and snapshots',
  run: async (seed) => {
    const folder = mkdtempSync(join(tmpdir(), 'av10-ledger-'));
    try {
      return execute(seed, folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function execute(seed: number, folder: string): Outcome {
  const { hasher } = nativeBackend();
  const prng = new Prng(seed);
  const history = new LedgerHistory(hasher, prng);
  const { genesis, accountsBin: accounts } = history;
  const [accountsFile, keyFile] = [join(folder, 'accounts.bin'), join(folder, 'keys.bin')];
  writeFileSync(accountsFile, accounts);
  const oracle = (publicKey: Uint8Array, body: Uint8Array, signature: Uint8Array): boolean =>
    equalBytes(simulatedSignature(hasher, publicKey, body), signature);
  const options = { genesis, accounts, simulation: SIMULATION };
  const open = (snapshot: readonly Uint8Array[] = []): NativeLedger =>
    new NativeLedger({ genesis, accountsFile, keyFile, threads: 1, verification: { simulated: SIMULATION } }, snapshot);
  let model = new ModelLedger(options, { hasher, oracle });
  let native = open();
  let applied = 0;
  for (let index = 1; index <= COMMITS; index++) {
    const commit = history.next(native);
    const executed = native.execute(commit);
    assertSame(told(executed), told(model.execute(commit)), index);
    applied += executed.applied;
    if (!prng.chance(0.1)) continue;
    const [parts, keys] = [native.snapshot(), native.appendedKeys(0, ALL_KEYS)];
    assertSame(kept(parts, keys), kept(model.snapshot(), model.appendedKeys(0, ALL_KEYS)), index);
    native.close();
    native = open(parts);
    model = ModelLedger.restore(options, { hasher, oracle }, parts, keys);
  }
  const digest = native.lastCheckpoint?.digest ?? '';
  native.close();
  return {
    setting: `${COMMITS} commits`,
    commits: COMMITS,
    transactions: applied,
    virtualMs: 0,
    faults: {},
    decisions: {},
    fingerprint: digest.slice(0, 16),
  };
}

function told({ outcomes, checkpoint, applied, dropped, transfers, internal }: ExecutedCommit): readonly Said[] {
  const lines = [...outcomes].map((outcome): Said => ['transaction', text(outcome)]);
  return [
    ...lines,
    ['counts', text({ applied, dropped, transfers, internal })],
    ['outcomes', outcomes.bytes.toHex()],
    ['checkpoint', text(checkpoint?.statement)],
  ];
}

function kept(parts: readonly Uint8Array[], keys: Uint8Array): readonly Said[] {
  return [...parts, keys].map((part, i) => [`snapshot part ${i}`, part.toHex()]);
}

function assertSame(engine: readonly Said[], model: readonly Said[], commit: number): void {
  for (const [i, [what, said]] of engine.entries())
    assert(model[i]?.[1] === said, `commit ${commit}, ${what}: the engine says ${said}, the model ${model[i]?.[1]}`);
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part)) ?? 'none';
}
