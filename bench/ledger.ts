/**
 * What the ledger engine costs without signatures: `node bench/ledger.ts [accounts]`. Simulated verification hashes each transaction
 * once more, so the figures are slightly too high. Minimum, median and maximum of 7 runs, one thread.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeBackend } from '../src/crypto/native.ts';
import type { LedgerGenesis } from '../src/execution/genesis.ts';
import type { ExecutableCommit } from '../src/execution/ledger.ts';
import { NativeLedger } from '../src/execution/native-ledger.ts';
import { simulatedSignature } from '../src/execution/simulated-signature.ts';
import { defaultParameters } from '../src/params/protocol-parameters.ts';
import { type BlockId, type CommitDigest, id, type NetworkId, type ParamsHash } from '../src/types/ids.ts';
import { MAX_TRANSACTIONS_PER_BLOCK, PUBLIC_KEY_BYTES } from '../src/types/limits.ts';
import { encodePayload, type SignedBody } from '../src/types/payload.ts';
import { accountAddress, encodeTransactionBody } from '../src/types/transaction-codec.ts';
import { Prng } from '../src/util/prng.ts';

/** At most 800,000: `accounts.bin` is written in one piece. */
const ACCOUNTS = Number(process.argv[2] ?? 100_000);
const SENDERS = 200;
const RUNS = 7;
const START_MS = 1_000_000;
const { hasher } = nativeBackend();
const prng = new Prng(1);

const keys = Array.from({ length: SENDERS }, (_, handle) => accountKey(handle));
const senders = keys.map((key) => accountAddress(hasher, key));
const nonces = new Array<number>(SENDERS).fill(0);

const folder = mkdtempSync(join(tmpdir(), 'av10-bench-ledger-'));
try {
  bench(folder);
} finally {
  rmSync(folder, { recursive: true });
}

function bench(path: string): void {
  const accountsFile = join(path, 'accounts.bin');
  writeFileSync(accountsFile, accountsBin());
  const options = { genesis: genesis(), accountsFile, keyFile: join(path, 'keys.bin'), threads: 1 };
  const opening = performance.now();
  const ledger = new NativeLedger({ ...options, verification: { simulated: {} } });
  report('open, ms', [performance.now() - opening]);

  let index = 0;
  let timeMs = START_MS;
  const run = (payloads: readonly SignedBody[][], checkpoint: boolean): number => {
    index += 1;
    timeMs += checkpoint ? 60_000 : 0;
    const commit = commitOf(index, timeMs, payloads);
    const start = performance.now();
    const executed = ledger.execute(commit);
    const elapsed = performance.now() - start;
    if (executed.dropped > 0 || (executed.checkpoint !== undefined) !== checkpoint)
      throw new Error('the run is not what it should be');
    return elapsed;
  };
  run([], true);
  const times = (measure: () => number): number[] => Array.from({ length: RUNS }, measure);

  for (const transfers of [8_192, 64, 1]) {
    const count = transfers === 8_192 ? 20 : MAX_TRANSACTIONS_PER_BLOCK;
    const blocks = transfers === 8_192 ? 1 : 5;
    const perTransaction = times(() => run(payloadsOf(blocks, count, transfers), false) / (blocks * count));
    report(
      `transaction of ${transfers}, us`,
      perTransaction.map((ms) => ms * 1_000),
    );
    report(
      `transfer in a batch of ${transfers}, ns`,
      perTransaction.map((ms) => (ms * 1e6) / transfers),
    );
  }
  report(
    'checkpoint with all pages changed, ms',
    times(() => {
      run(payloadsOf(1, 20, 8_192), false);
      return run([], true);
    }),
  );
  report(
    'checkpoint with nothing changed, ms',
    times(() => run([], true)),
  );
  report(
    'snapshot, ms',
    times(() => {
      const start = performance.now();
      ledger.snapshot();
      return performance.now() - start;
    }),
  );
  ledger.close();
}

function report(what: string, values: number[]): void {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] as number).toFixed(2);
  console.log(`${what.padEnd(45)} ${at(0).padStart(10)} ${at(0.5).padStart(10)} ${at(1).padStart(10)}`);
}

function accountKey(handle: number): Uint8Array {
  const key = new Uint8Array(PUBLIC_KEY_BYTES);
  new DataView(key.buffer).setUint32(0, handle, true);
  return key;
}

function accountsBin(): Uint8Array {
  const row = PUBLIC_KEY_BYTES + 8;
  const out = new Uint8Array(ACCOUNTS * row);
  const view = new DataView(out.buffer);
  for (let handle = 0; handle < ACCOUNTS; handle++) {
    view.setUint32(handle * row, handle, true);
    view.setBigUint64(handle * row + PUBLIC_KEY_BYTES, 10n ** 12n, true);
  }
  return out;
}

function genesis(): LedgerGenesis {
  return {
    networkId: id<NetworkId>(new Uint8Array(32)),
    timeMs: START_MS,
    accountCount: ACCOUNTS,
    members: 3,
    committeeDigest: new Uint8Array(32),
    paramsHash: id<ParamsHash>(new Uint8Array(32)),
    parameters: defaultParameters(3),
    issued: [],
  };
}

function payloadsOf(blocks: number, count: number, transfers: number): SignedBody[][] {
  return Array.from({ length: blocks }, () => Array.from({ length: count }, () => batch(transfers)));
}

function batch(transfers: number): SignedBody {
  const sender = prng.below(SENDERS);
  const nonce = nonces[sender] as number;
  nonces[sender] = nonce + 1;
  const recipients = Uint32Array.from({ length: transfers }, () => prng.below(ACCOUNTS));
  const amounts = BigUint64Array.from({ length: transfers }, () => BigInt(1 + prng.below(60_000)));
  const envelope = {
    sender: senders[sender] as (typeof senders)[number],
    keyVersion: 0,
    nonce,
    expiryMs: START_MS + 80_000_000,
    fee: 0n,
  };
  const body = encodeTransactionBody({
    ...envelope,
    kind: 'transfer-batch',
    asset: 0,
    atomic: true,
    recipients,
    amounts,
  });
  return { body, signature: simulatedSignature(hasher, keys[sender] as Uint8Array, body) };
}

function commitOf(index: number, timeMs: number, payloads: readonly SignedBody[][]): ExecutableCommit {
  const refs = payloads.map((_, author) => ({ round: index, author, id: id<BlockId>(prng.bytes(32)) }));
  const leader = { round: index, author: 0, id: id<BlockId>(new Uint8Array(32)) };
  const blocks = payloads.map((items, author) => ({
    ref: refs[author] as (typeof refs)[number],
    executedCommit: index - 1,
    payload: encodePayload(items),
    txCount: items.length,
  }));
  const digest = id<CommitDigest>(new Uint8Array(32));
  return { index, digest, timeMs, epoch: 1, leader, gcRound: Math.max(0, index - 10), refs, blocks };
}
