import type { Hasher } from '../../crypto/hasher.ts';
import type { CommitIndex } from '../../types/ids.ts';
import { SIGNATURE_BYTES } from '../../types/limits.ts';
import type { PayloadItem } from '../../types/payload.ts';
import type { AppliedCode, DroppedCode } from '../../types/receipt-code.ts';
import {
  type AccountHandle,
  MAX_ACCOUNTS,
  type OpenAccount,
  type RotateKey,
  type Transaction,
  type TransferBatch,
  transferCount,
} from '../../types/transaction.ts';
import { accountAddress, decodeTransactionBody } from '../../types/transaction-codec.ts';
import { DecodeError } from '../../util/byte-reader.ts';
import { EMPTY_BYTES, equalBytes } from '../../util/bytes.ts';
import type { LedgerGenesis } from '../genesis.ts';
import type { Simulation } from '../simulation.ts';
import type { ModelState } from './state.ts';

/** Says whether `signature` is one of `body` by the holder of `publicKey`. */
export type SignatureOracle = (publicKey: Uint8Array, body: Uint8Array, signature: Uint8Array) => boolean;

export interface Rules {
  readonly genesis: LedgerGenesis;
  readonly hasher: Hasher;
  readonly oracle: SignatureOracle;
  readonly simulation: Simulation;
}

/** What of a commit its transactions depend on. */
export interface Moment {
  readonly index: CommitIndex;
  readonly timeMs: number;
  /** Accounts opened in this commit so far. */
  opens: number;
}

export interface Judged {
  readonly transaction: Transaction;
  readonly sender: AccountHandle;
  /** Its key version was the sender's when the commit began; only then was the signature checked. */
  readonly current: boolean;
}

export type Verdict = Judged | { readonly dropped: DroppedCode };

export interface Effect {
  readonly code: AppliedCode;
  readonly detail: number;
  readonly bitmap: Uint8Array;
  /** What the throughput counts. */
  readonly transfers: number;
}

/** The verdict on a transaction, from the state before its commit (docs/spec/ledger.md, "Verdict"). */
export function judge(
  state: ModelState,
  { genesis, oracle }: Rules,
  item: PayloadItem,
  commit: CommitIndex,
  executedCommit: CommitIndex,
): Verdict {
  const transaction = decoded(item.body);
  if (transaction === undefined) return { dropped: 'MALFORMED' };
  const oldest = commit - genesis.parameters.registryHistoryCommits;
  if (executedCommit < oldest || executedCommit >= commit) return { dropped: 'STALE_BLOCK' };
  const sender = state.handles.get(transaction.sender);
  if (sender === undefined) return { dropped: 'UNKNOWN_SENDER' };
  const { keyVersion, keySlot } = state.account(sender);
  const createdAt = state.youngKeys.get(sender)?.createdAt ?? 0;
  const current = transaction.keyVersion === keyVersion;
  if (transaction.keyVersion > keyVersion || (current && createdAt > executedCommit)) return { dropped: 'UNKNOWN_KEY' };
  if (current && !oracle(state.keys[keySlot] as Uint8Array, item.body, item.signature)) {
    return { dropped: 'BAD_SIGNATURE' };
  }
  return { transaction, sender, current };
}

/** Why a judged transaction is dropped; undefined if it is to be applied. */
export function refusal(
  state: ModelState,
  { genesis }: Rules,
  moment: Moment,
  { transaction, sender, current }: Judged,
  bodyBytes: number,
): DroppedCode | undefined {
  const account = state.account(sender);
  const { feeBase, feePerTransfer, feePerByte, expiryHorizonMs, maxOpensPerCommit } = genesis.parameters;
  const transfers = BigInt(transferCount(transaction));
  const required = feeBase + feePerTransfer * transfers + feePerByte * BigInt(bodyBytes + SIGNATURE_BYTES);
  if (transaction.nonce < account.nonce) return 'NONCE_USED';
  if (transaction.nonce > account.nonce) return 'NONCE_GAP';
  if (!current || transaction.keyVersion !== account.keyVersion) return 'KEY_ROTATED';
  if (moment.timeMs > transaction.expiryMs) return 'EXPIRED';
  if (transaction.expiryMs > moment.timeMs + expiryHorizonMs) return 'EXPIRY_TOO_FAR';
  if (transaction.fee < required || transaction.fee > state.balance(sender, 0)) return 'FEE';
  if (account.frozen) return 'FROZEN';
  if (transaction.kind === 'open-account' && moment.opens >= maxOpensPerCommit) return 'OPEN_LIMIT';
  return undefined;
}

/** Consumes nonce and fee, then runs the payload; a payload that breaks is undone and gives INTERNAL. */
export function apply(state: ModelState, rules: Rules, moment: Moment, { transaction, sender }: Judged): Effect {
  state.account(sender).nonce += 1;
  state.setBalance(sender, 0, state.balance(sender, 0) - transaction.fee);
  state.addFee(transaction.fee);
  const { opens } = moment;
  state.begin();
  try {
    return run(state, rules, moment, transaction, sender);
  } catch (error) {
    if (!(error instanceof PlantedFault)) throw error;
    state.rollBack();
    moment.opens = opens;
    return failed('INTERNAL');
  }
}

/** What the simulation plants. Any other exception is a bug of this model and must surface as one. */
class PlantedFault extends Error {}

function run(state: ModelState, rules: Rules, moment: Moment, transaction: Transaction, sender: AccountHandle): Effect {
  switch (transaction.kind) {
    case 'transfer-batch':
      return transfer(state, transaction, sender);
    case 'open-account':
      return openAccount(state, rules, moment, transaction, sender);
    case 'rotate-key':
      return rotateKey(state, rules, moment, transaction, sender);
    case 'validator-change':
      return failed('NOT_ACTIVE');
    case 'data-anchor': {
      const { poison } = rules.simulation;
      if (poison === undefined || !equalBytes(poison, transaction.data)) return succeeded(0, 1);
      state.setBalance(sender, 0, 0n);
      throw new PlantedFault();
    }
  }
}

function transfer(state: ModelState, batch: TransferBatch, sender: AccountHandle): Effect {
  if (batch.asset >= state.supply.length) return failed('UNKNOWN_ASSET');
  return batch.atomic ? transferAll(state, batch, sender) : transferEach(state, batch, sender);
}

function transferAll(state: ModelState, { asset, recipients, amounts }: TransferBatch, sender: AccountHandle): Effect {
  let left = state.balance(sender, asset);
  for (const [index, recipient] of recipients.entries()) {
    const amount = amounts[index] as bigint;
    const problem = recipientProblem(state, recipient) ?? (amount > left ? 'INSUFFICIENT_BALANCE' : undefined);
    if (problem !== undefined) return failed(problem, index);
    left -= amount;
  }
  state.setBalance(sender, asset, left);
  for (const [index, recipient] of recipients.entries()) {
    state.setBalance(recipient, asset, state.balance(recipient, asset) + (amounts[index] as bigint));
  }
  return succeeded(0, recipients.length);
}

function transferEach(state: ModelState, { asset, recipients, amounts }: TransferBatch, sender: AccountHandle): Effect {
  const bitmap = new Uint8Array(Math.ceil(recipients.length / 8));
  let made = 0;
  for (const [index, recipient] of recipients.entries()) {
    const amount = amounts[index] as bigint;
    const balance = state.balance(sender, asset);
    if (recipientProblem(state, recipient) !== undefined || amount > balance) continue;
    state.setBalance(sender, asset, balance - amount);
    state.setBalance(recipient, asset, state.balance(recipient, asset) + amount);
    bitmap[index >> 3] = (bitmap[index >> 3] as number) | (1 << (index & 7));
    made += 1;
  }
  if (made === recipients.length) return succeeded(0, made);
  return { code: 'PARTIAL', detail: made, bitmap, transfers: made };
}

function recipientProblem(state: ModelState, recipient: AccountHandle): AppliedCode | undefined {
  if (recipient >= state.accounts.length) return 'UNKNOWN_RECIPIENT';
  return state.account(recipient).frozen ? 'RECIPIENT_FROZEN' : undefined;
}

function openAccount(
  state: ModelState,
  { genesis, hasher, simulation }: Rules,
  moment: Moment,
  { publicKey }: OpenAccount,
  sender: AccountHandle,
): Effect {
  const address = accountAddress(hasher, publicKey);
  const balance = state.balance(sender, 0);
  const { openDeposit } = genesis.parameters;
  if (state.handles.has(address)) return failed('EXISTS');
  if (state.accounts.length >= (simulation.accountLimit ?? MAX_ACCOUNTS)) return failed('ACCOUNT_LIMIT');
  if (openDeposit > balance) return failed('INSUFFICIENT_BALANCE');
  state.setBalance(sender, 0, balance - openDeposit);
  state.addFee(openDeposit);
  moment.opens += 1;
  const balances = state.supply.map(() => 0n);
  const keySlot = state.keys.length;
  const keyHash = hasher.hash('key', publicKey);
  const handle = state.open({ address, keyHash, keyVersion: 0, frozen: false, keySlot, nonce: 0, balances }, publicKey);
  state.setYoungKey(handle, { version: 0, createdAt: moment.index });
  return succeeded(handle, 1);
}

function rotateKey(
  state: ModelState,
  { hasher }: Rules,
  moment: Moment,
  { publicKey }: RotateKey,
  sender: AccountHandle,
): Effect {
  state.rotate(sender, publicKey, hasher.hash('key', publicKey));
  state.setYoungKey(sender, { version: state.account(sender).keyVersion, createdAt: moment.index });
  return succeeded(0, 1);
}

function succeeded(detail: number, transfers: number): Effect {
  return { code: 'OK', detail, bitmap: EMPTY_BYTES, transfers };
}

function failed(code: AppliedCode, detail = 0): Effect {
  return { code, detail, bitmap: EMPTY_BYTES, transfers: 0 };
}

function decoded(body: Uint8Array): Transaction | undefined {
  try {
    return decodeTransactionBody(body);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
