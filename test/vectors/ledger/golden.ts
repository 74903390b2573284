import type { Hasher } from '../../../src/crypto/hasher.ts';
import { encodeLedgerGenesis, type LedgerGenesis } from '../../../src/execution/genesis.ts';
import type { ExecutableCommit, ExecutedCommit } from '../../../src/execution/ledger.ts';
import { ModelLedger } from '../../../src/execution/model/model-ledger.ts';
import { encodeExecutableCommit } from '../../../src/execution/native-codec.ts';
import { simulatedSignature } from '../../../src/execution/simulated-signature.ts';
import { encodeAccountProof, pageLeaf } from '../../../src/types/account-proof.ts';
import type { BlockRef } from '../../../src/types/block.ts';
import {
  type Address,
  type BlockId,
  type CommitDigest,
  id,
  type NetworkId,
  type ParamsHash,
  type StatementDigest,
  type StateRoot,
} from '../../../src/types/ids.ts';
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { encodePayload, parsePayload } from '../../../src/types/payload.ts';
import { encodeReceipt, type Receipt } from '../../../src/types/receipt.ts';
import { encodeStatement, type Statement, statementDigest } from '../../../src/types/statement.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { accountAddress, encodeTransactionBody, transactionId, wireKey } from '../../../src/types/transaction-codec.ts';
import { ByteWriter } from '../../../src/util/byte-writer.ts';
import { equalBytes } from '../../../src/util/bytes.ts';

/** All vectors by file name, made by the TypeScript codec and model. Rust reads the files: `native/core/src/ledger/tests.rs`. */
export function ledgerVectors(hasher: Hasher): Record<string, unknown> {
  return {
    'transactions.json': transactionVectors(hasher),
    'refused.json': refusedVectors(),
    'receipts.json': receiptVectors(),
    'statement.json': statementVectors(hasher),
    'page.json': pageVector(hasher),
    'history.json': historyVector(hasher),
  };
}

const filled = (byte: number, length: number): Uint8Array => new Uint8Array(length).fill(byte);
const digestOf = (byte: number): string => filled(byte, 32).toHex();

/** A text field for each bigint and byte array, so that any JSON reader keeps it whole. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, field) => {
      if (typeof field === 'bigint') return field.toString();
      if (field instanceof BigUint64Array) return [...field].map(String);
      if (field instanceof Uint32Array) return [...field];
      return field instanceof Uint8Array ? field.toHex() : field;
    }),
  );
}

/** Every kind, and every edge of the widths of a batch. */
export function sampleTransactions(): Record<string, Transaction> {
  const envelope = {
    sender: id<Address>(digestOf(0x5e)),
    keyVersion: 3,
    nonce: 7,
    expiryMs: 1_767_225_600_000,
    fee: 12n,
  };
  const batch = (atomic: boolean, asset: number, transfers: readonly (readonly [number, bigint])[]): Transaction => ({
    ...envelope,
    kind: 'transfer-batch',
    asset,
    atomic,
    recipients: Uint32Array.from(transfers, ([recipient]) => recipient),
    amounts: BigUint64Array.from(transfers, ([, amount]) => amount),
  });
  const extremes = {
    ...envelope,
    keyVersion: 2 ** 32 - 1,
    nonce: 2 ** 53 - 1,
    expiryMs: 2 ** 53 - 1,
    fee: 2n ** 64n - 1n,
  };
  return {
    'one transfer of one byte each': batch(true, 0, [[255, 255n]]),
    'one transfer of two bytes each': batch(false, 1, [[256, 256n]]),
    'three and seven bytes': batch(true, 0, [
      [65_536, 2n ** 48n],
      [0, 1n],
    ]),
    'four and eight bytes': batch(true, 2 ** 32 - 1, [
      [2 ** 32 - 1, 2n ** 64n - 1n],
      [1, 2n],
      [2 ** 24, 2n ** 56n],
    ]),
    'four and three bytes': batch(false, 0, [[2 ** 24, 2n ** 24n - 1n]]),
    'open account': { ...envelope, kind: 'open-account', publicKey: filled(0x0a, PUBLIC_KEY_BYTES) },
    'rotate key': { ...envelope, kind: 'rotate-key', publicKey: filled(0x0b, PUBLIC_KEY_BYTES) },
    'validator change': { ...envelope, kind: 'validator-change', validatorId: filled(0x0c, 32), power: 2 ** 31 },
    'data anchor of one byte': { ...extremes, kind: 'data-anchor', data: filled(0, 1) },
    'data anchor of 1,024 bytes': { ...envelope, kind: 'data-anchor', data: filled(0x0d, 1_024) },
  };
}

function transactionVectors(hasher: Hasher): unknown {
  const entries = Object.entries(sampleTransactions());
  const signed = entries.map(([, transaction], index) => {
    return { body: encodeTransactionBody(transaction), signature: filled(index, SIGNATURE_BYTES) };
  });
  const vectors = entries.map(([name, transaction], index) => {
    const { body, signature } = signed[index] as (typeof signed)[number];
    const txId = transactionId(hasher, body);
    return { name, transaction, body, signatureByte: index, id: txId, wireKey: wireKey(hasher, txId, signature) };
  });
  const payload = encodePayload(signed);
  const { digest } = parsePayload(hasher, payload, signed.length);
  return plain({ vectors, payload: { bytes: payload.length, blake3: hasher.plain(payload), digest } });
}

/** One valid body, one thing broken. `code` is the TypeScript decoder's; that it is refused at all is the protocol. */
function refusedVectors(): unknown {
  const samples = sampleTransactions();
  const body = (name: string): Uint8Array => encodeTransactionBody(samples[name] as Transaction);
  const changed = (name: string, offset: number, ...bytes: number[]): Uint8Array => {
    const copy = body(name);
    copy.set(bytes, offset);
    return copy;
  };
  const one = 'one transfer of one byte each';
  const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
  const wide = (handleBytes: number, amountBytes: number): Uint8Array =>
    joined(changed(one, 69, handleBytes, amountBytes).subarray(0, 71), filled(1, handleBytes), filled(0, amountBytes));
  const narrowHandle = joined(changed(one, 69, 2, 1).subarray(0, 71), Uint8Array.of(1, 0), Uint8Array.of(9));
  const narrowAmount = joined(changed(one, 69, 1, 2).subarray(0, 71), Uint8Array.of(1), Uint8Array.of(9, 0));
  return plain([
    { name: 'nothing', body: new Uint8Array(0), code: 'TRUNCATED' },
    { name: 'another version', body: changed(one, 0, 2), code: 'NON_CANONICAL' },
    { name: 'kind 0', body: changed(one, 1, 0), code: 'NON_CANONICAL' },
    { name: 'kind 6', body: changed(one, 1, 6), code: 'NON_CANONICAL' },
    { name: 'nonce 2^53', body: changed(one, 38, 0, 0, 0, 0, 0, 0, 32, 0), code: 'LIMIT' },
    { name: 'expiry 2^53', body: changed(one, 46, 0, 0, 0, 0, 0, 0, 32, 0), code: 'LIMIT' },
    { name: 'unknown flag', body: changed(one, 66, 2), code: 'NON_CANONICAL' },
    { name: 'no transfer', body: changed(one, 67, 0, 0), code: 'NON_CANONICAL' },
    { name: '8,193 transfers', body: changed(one, 67, 1, 32), code: 'LIMIT' },
    { name: 'more transfers than bytes', body: changed(one, 67, 2, 0), code: 'TRUNCATED' },
    { name: 'handles of 0 bytes', body: changed(one, 69, 0), code: 'NON_CANONICAL' },
    { name: 'handles of 5 bytes', body: wide(5, 1), code: 'NON_CANONICAL' },
    { name: 'amounts of 0 bytes', body: changed(one, 70, 0), code: 'NON_CANONICAL' },
    { name: 'amounts of 9 bytes', body: wide(1, 9), code: 'NON_CANONICAL' },
    { name: 'handles wider than needed', body: narrowHandle, code: 'NON_CANONICAL' },
    { name: 'amounts wider than needed', body: narrowAmount, code: 'NON_CANONICAL' },
    { name: 'amount 0', body: changed(one, 72, 0), code: 'NON_CANONICAL' },
    { name: 'a byte short', body: body(one).subarray(0, -1), code: 'TRUNCATED' },
    { name: 'a byte long', body: joined(body(one), filled(0, 1)), code: 'TRAILING_BYTES' },
    { name: 'key a byte short', body: body('open account').subarray(0, -1), code: 'TRUNCATED' },
    { name: 'power above 2^31', body: changed('validator change', 94, 1, 0, 0, 128), code: 'LIMIT' },
    {
      name: 'empty anchor',
      body: body('data anchor of one byte')
        .subarray(0, 62 + 2)
        .fill(0, 62),
      code: 'NON_CANONICAL',
    },
    {
      name: 'anchor of 1,025 bytes',
      body: joined(changed('data anchor of 1,024 bytes', 62, 1, 4), filled(0, 1)),
      code: 'LIMIT',
    },
  ]);
}

export function sampleReceipts(): Receipt[] {
  const receipt: Receipt = {
    id: id(digestOf(1)),
    commit: 9,
    code: 'OK',
    kind: 'transfer-batch',
    sender: 5,
    nonce: 6,
    fee: 7n,
    detail: 0,
    transfers: 10,
    bitmap: new Uint8Array(0),
  };
  return [
    receipt,
    { ...receipt, code: 'PARTIAL', detail: 3, bitmap: Uint8Array.of(0b1001, 0b10) },
    { ...receipt, code: 'OK', kind: 'open-account', detail: 4_000_000_000, transfers: 0 },
    { ...receipt, code: 'INTERNAL', kind: 'data-anchor', transfers: 0, commit: 2 ** 53 - 1, fee: 2n ** 64n - 1n },
  ];
}

function receiptVectors(): unknown {
  return plain(sampleReceipts().map((receipt) => ({ receipt, bytes: encodeReceipt(receipt) })));
}

export function sampleStatement(): Statement {
  return {
    networkId: id<NetworkId>(digestOf(1)),
    epoch: 1,
    index: 2,
    previousDigest: id<StatementDigest>(digestOf(2)),
    commitIndex: 3,
    commitDigest: id<CommitDigest>(digestOf(3)),
    timeMs: 4,
    accountsRoot: id<StateRoot>(digestOf(4)),
    systemRoot: id<StateRoot>(digestOf(5)),
    resultsRoot: id<StateRoot>(digestOf(6)),
    paramsHash: id<ParamsHash>(digestOf(7)),
  };
}

function statementVectors(hasher: Hasher): unknown {
  const statement = sampleStatement();
  const closing = {
    nextCommitteeDigest: filled(8, 32),
    nextParamsHash: id<ParamsHash>(digestOf(9)),
    nextProtocolVersion: 10,
  };
  const vector = (value: Statement): object => ({
    statement: value,
    bytes: encodeStatement(value),
    digest: statementDigest(hasher, value),
  });
  return plain({ open: vector(statement), closing: vector({ ...statement, closing }) });
}

function pageVector(hasher: Hasher): unknown {
  const statics = filled(0x11, 32 * 72);
  const nonces = filled(0x22, 256);
  const balances = filled(0x33, 256);
  const staticsDigest = hasher.hash('static', statics);
  const leaf = pageLeaf(hasher, 5, staticsDigest, nonces, balances);
  const proof = {
    handle: 161,
    accountCount: 200,
    statics,
    nonces,
    balances,
    path: [leaf, leaf, leaf],
    furtherRoots: [],
  };
  return plain({ page: 5, staticsDigest, leaf, proof: encodeAccountProof(proof) });
}

/** Five accounts and four commits that open, rotate, pay, fail and make two checkpoints. */
function historyVector(hasher: Hasher): unknown {
  const genesis: LedgerGenesis = {
    networkId: id<NetworkId>(digestOf(0xa1)),
    timeMs: 1_000,
    accountCount: 5,
    members: 3,
    committeeDigest: filled(0xa2, 32),
    paramsHash: id<ParamsHash>(digestOf(0xa3)),
    parameters: {
      maxOpensPerCommit: 1,
      checkpointSpacingMs: 1_000,
      checkpointIdleSpacingMs: 60_000,
      expiryHorizonMs: 86_400_000,
      registryHistoryCommits: 10,
      feeBase: 2n,
      feePerTransfer: 1n,
      feePerByte: 0n,
      openDeposit: 100n,
    },
    issued: [{ handle: 4, amount: 500n }],
  };
  const key = (byte: number): Uint8Array => filled(byte, PUBLIC_KEY_BYTES);
  const balances = [10_000n, 20_000n, 30n, 0n, 1_000n];
  const accounts = new ByteWriter();
  for (const [handle, balance] of balances.entries()) accounts.bytes(key(handle)).u64(balance);
  const oracle = (publicKey: Uint8Array, body: Uint8Array, signature: Uint8Array): boolean =>
    equalBytes(simulatedSignature(hasher, publicKey, body), signature);
  const ledger = new ModelLedger({ genesis, accounts: accounts.finish() }, { hasher, oracle });
  const commits = historyTransactions(hasher, key).map((transactions, index) => {
    const commit = historyCommit(hasher, index + 1, transactions);
    return { commit, transactions, executed: ledger.execute(commit) };
  });
  const vectors = commits.map(({ commit, transactions, executed }) => ({
    commit: encodeExecutableCommit(commit),
    transactions: transactions.map(({ body, key: signer }) => ({ body, keyByte: signer[0] })),
    outcomes: executed.outcomes.bytes,
    ...countsOf(executed),
    ...(executed.checkpoint && { statement: executed.checkpoint.bytes, digest: executed.checkpoint.digest }),
  }));
  const snapshot = ledger.snapshot();
  return plain({
    genesis: encodeLedgerGenesis(genesis),
    balances,
    commits: vectors,
    snapshot,
    proof: ledger.proof(4, 1),
  });
}

interface HistoryTransaction {
  readonly body: Uint8Array;
  readonly key: Uint8Array;
}

function historyTransactions(hasher: Hasher, key: (byte: number) => Uint8Array): HistoryTransaction[][] {
  const from = (handle: number, nonce: number, keyVersion = 0) => {
    return { sender: accountAddress(hasher, key(handle)), keyVersion, nonce, expiryMs: 50_000, fee: 10n };
  };
  const signed = (transaction: Transaction, signer: number): HistoryTransaction => {
    return { body: encodeTransactionBody(transaction), key: key(signer) };
  };
  const pay = (atomic: boolean, asset: number, ...transfers: readonly (readonly [number, bigint])[]) => ({
    kind: 'transfer-batch' as const,
    atomic,
    asset,
    recipients: Uint32Array.from(transfers, ([recipient]) => recipient),
    amounts: BigUint64Array.from(transfers, ([, amount]) => amount),
  });
  const opening = signed({ ...from(0, 0), kind: 'open-account', publicKey: key(0x40) }, 0);
  return [
    [opening, signed({ ...from(1, 0), ...pay(true, 0, [2, 5n], [0, 7n]) }, 1), opening],
    [
      signed({ ...from(2, 0), ...pay(false, 0, [0, 20n], [9, 1n], [1, 20n], [5, 2n]) }, 2),
      signed({ ...from(1, 1), kind: 'rotate-key', publicKey: key(0x41) }, 1),
      signed({ ...from(4, 0), ...pay(true, 1, [5, 499n]) }, 4),
      signed({ ...from(0, 1), kind: 'validator-change', validatorId: filled(1, 32), power: 1 }, 3),
    ],
    [
      signed({ ...from(1, 2, 1), ...pay(true, 0, [5, 50_000n]) }, 0x41),
      signed({ ...from(1, 3, 0), kind: 'data-anchor', data: filled(1, 3) }, 1),
      { body: filled(1, 3), key: key(0) },
    ],
    [signed({ ...from(0x40, 0), ...pay(true, 0, [0, 1n]) }, 0x40)],
  ];
}

function historyCommit(hasher: Hasher, index: number, transactions: readonly HistoryTransaction[]): ExecutableCommit {
  const refs: BlockRef[] = [0, 1, 2].map((author) => {
    return { round: index, author, id: id<BlockId>(digestOf(16 * index + author)) };
  });
  const payload = encodePayload(
    transactions.map(({ body, key }) => ({ body, signature: simulatedSignature(hasher, key, body) })),
  );
  const ref = refs[1] as BlockRef;
  return {
    index,
    digest: id<CommitDigest>(digestOf(index)),
    timeMs: 1_000 + index * 600,
    epoch: 1,
    leader: ref,
    gcRound: Math.max(0, index - 2),
    refs,
    blocks: [{ ref, executedCommit: index - 1, payload, txCount: transactions.length }],
  };
}

function countsOf({ transfers, applied, dropped, internal }: ExecutedCommit): object {
  return { transfers, applied, dropped, internal };
}
