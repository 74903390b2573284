import { nobleBackend } from '../../../src/crypto/noble.ts';
import type { LedgerGenesis } from '../../../src/execution/genesis.ts';
import type { ExecutableBlock, ExecutableCommit, ExecutedCommit } from '../../../src/execution/ledger.ts';
import { ModelLedger } from '../../../src/execution/model/model-ledger.ts';
import { simulatedSignature } from '../../../src/execution/simulated-signature.ts';
import type { Simulation } from '../../../src/execution/simulation.ts';
import { type BlockId, type CommitDigest, id, type NetworkId, type ParamsHash } from '../../../src/types/ids.ts';
import { PUBLIC_KEY_BYTES } from '../../../src/types/limits.ts';
import { encodePayload, type SignedBody } from '../../../src/types/payload.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { accountAddress, encodeTransactionBody } from '../../../src/types/transaction-codec.ts';
import { ByteWriter } from '../../../src/util/byte-writer.ts';
import { equalBytes } from '../../../src/util/bytes.ts';

export const { hasher } = nobleBackend();
export const START_MS = 10_000;

/** The key whose bytes are all `byte`; genesis account `handle` has key `handle`. */
export function key(byte: number): Uint8Array {
  return new Uint8Array(PUBLIC_KEY_BYTES).fill(byte);
}

export const GENESIS: LedgerGenesis = {
  networkId: id<NetworkId>('a1'.repeat(32)),
  timeMs: START_MS,
  accountCount: 4,
  members: 4,
  committeeDigest: new Uint8Array(32),
  paramsHash: id<ParamsHash>('a3'.repeat(32)),
  parameters: {
    maxOpensPerCommit: 1,
    checkpointSpacingMs: 1_000,
    checkpointIdleSpacingMs: 5_000,
    expiryHorizonMs: 60_000,
    registryHistoryCommits: 3,
    feeBase: 5n,
    feePerTransfer: 1n,
    feePerByte: 0n,
    openDeposit: 100n,
  },
  issued: [{ handle: 1, amount: 77n }],
};

/** Account 3 is frozen where a test asks for it. */
export const BALANCES = [1_000n, 2_000n, 30n, 400n] as const;

export function accountsBin(): Uint8Array {
  const out = new ByteWriter();
  for (const [handle, balance] of BALANCES.entries()) out.bytes(key(handle)).u64(balance);
  return out.finish();
}

export function oracle(publicKey: Uint8Array, body: Uint8Array, signature: Uint8Array): boolean {
  return equalBytes(simulatedSignature(hasher, publicKey, body), signature);
}

export function openModel(genesis: Partial<LedgerGenesis> = {}, simulation: Simulation = {}): ModelLedger {
  const options = { genesis: { ...GENESIS, ...genesis }, accounts: accountsBin(), simulation };
  return new ModelLedger(options, { hasher, oracle });
}

type Content = Transaction extends infer T
  ? T extends Transaction
    ? Omit<T, keyof Envelope> & Partial<Envelope>
    : never
  : never;
type Envelope = Pick<Transaction, 'sender' | 'keyVersion' | 'nonce' | 'expiryMs' | 'fee'>;

/** A valid transaction of the account whose first key is `sender`, signed by it or by `signer`. */
export function signed(sender: number, content: Content, signer: number = sender): SignedBody {
  const defaults = {
    sender: accountAddress(hasher, key(sender)),
    keyVersion: 0,
    nonce: 0,
    expiryMs: START_MS + 50_000,
    fee: 10n,
  };
  const body = encodeTransactionBody({ ...defaults, ...content } as Transaction);
  return { body, signature: simulatedSignature(hasher, key(signer), body) };
}

export function pay(...transfers: readonly (readonly [recipient: number, amount: bigint])[]) {
  return {
    kind: 'transfer-batch' as const,
    asset: 0,
    atomic: true,
    recipients: Uint32Array.from(transfers, ([recipient]) => recipient),
    amounts: BigUint64Array.from(transfers, ([, amount]) => amount),
  };
}

/** The commit `index` with one block of `items`, `timeMs` after the genesis. */
export function commitOf(
  index: number,
  items: readonly SignedBody[],
  more: Partial<ExecutableBlock> & { timeMs?: number } = {},
): ExecutableCommit {
  const ref = { round: index, author: 1, id: id<BlockId>(index.toString(16).padStart(64, '0')) };
  const payload = encodePayload(items);
  const block = { ref, executedCommit: index - 1, payload, txCount: items.length, ...more };
  return {
    index,
    digest: id<CommitDigest>(index.toString(16).padStart(64, 'c')),
    timeMs: START_MS + (more.timeMs ?? index),
    epoch: 1,
    leader: ref,
    gcRound: 0,
    refs: [ref],
    blocks: items.length === 0 ? [] : [block],
  };
}

export function codes({ outcomes }: ExecutedCommit): string[] {
  return Array.from(outcomes, ({ code }) => code);
}
