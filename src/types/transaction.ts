import type { Address } from './ids.ts';

/** Position of an account in the order of opening: dense, assigned once, never reused. */
export type AccountHandle = number;
/** Position of an asset in the genesis; 0 pays the fees. */
export type AssetIndex = number;

export const TRANSACTION_VERSION = 1;
export const MAX_ANCHOR_BYTES = 1_024;
/** A handle is a u32; the last value stays free so that a count of accounts is a u32 too. */
export const MAX_ACCOUNTS = 2 ** 32 - 1;

/** What every transaction states before its payload: docs/spec/transaction.md. */
interface Envelope {
  readonly sender: Address;
  /** Version of the sender's key that signed; the first is 0. */
  readonly keyVersion: number;
  /** The sender's transactions are numbered from 0 without gaps. */
  readonly nonce: number;
  readonly expiryMs: number;
  /** Taken whole when the transaction is applied, in minor units of asset 0. */
  readonly fee: bigint;
}

/** 1 to 8,192 transfers of one asset from the sender: recipient `i` receives `amounts[i]`, at least 1. */
export interface TransferBatch extends Envelope {
  readonly kind: 'transfer-batch';
  readonly asset: AssetIndex;
  /** All or nothing; otherwise each transfer stands for itself. */
  readonly atomic: boolean;
  readonly recipients: Uint32Array;
  readonly amounts: BigUint64Array;
}

/** Opens an account for the holder of `publicKey`, paid by the sender. */
export interface OpenAccount extends Envelope {
  readonly kind: 'open-account';
  readonly publicKey: Uint8Array;
}

/** From the next commit on the sender signs with `publicKey`, key version + 1. */
export interface RotateKey extends Envelope {
  readonly kind: 'rotate-key';
  readonly publicKey: Uint8Array;
}

/** Asks for another voting power of a validator, 0 to remove it. Applied as NOT_ACTIVE until epochs exist. */
export interface ValidatorChange extends Envelope {
  readonly kind: 'validator-change';
  readonly validatorId: Uint8Array;
  readonly power: number;
}

/** Puts 1 to 1,024 bytes under the transaction's id, hence under the results root. */
export interface DataAnchor extends Envelope {
  readonly kind: 'data-anchor';
  readonly data: Uint8Array;
}

export type Transaction = TransferBatch | OpenAccount | RotateKey | ValidatorChange | DataAnchor;
export type TransactionKind = Transaction['kind'];

export const KIND_NUMBERS: Readonly<Record<TransactionKind, number>> = {
  'transfer-batch': 1,
  'open-account': 2,
  'rotate-key': 3,
  'validator-change': 4,
  'data-anchor': 5,
};

const KINDS_BY_NUMBER = new Map<number, TransactionKind>(
  Object.entries(KIND_NUMBERS).map(([kind, number]) => [number, kind as TransactionKind]),
);

export function transactionKind(number: number): TransactionKind | undefined {
  return KINDS_BY_NUMBER.get(number);
}

/** Transfers that the fee counts: those of a batch, none in any other transaction. */
export function transferCount(transaction: Transaction): number {
  return transaction.kind === 'transfer-batch' ? transaction.recipients.length : 0;
}
