import { assert } from '../util/assert.ts';
import { isHex } from '../util/bytes.ts';

declare const name: unique symbol;

/** 32 bytes as 64 lower-case hexadecimal digits, so that ids compare, sort and key maps as plain strings. */
type Digest<Name extends string> = string & { readonly [name]: Name };

/** BLAKE3-256 of the bytes of `genesis.json`; the same for ever. */
export type NetworkId = Digest<'NetworkId'>;
/** H_block of the canonical header bytes; never covers the signature. */
export type BlockId = Digest<'BlockId'>;
export type PayloadDigest = Digest<'PayloadDigest'>;
export type CommitDigest = Digest<'CommitDigest'>;
export type StatementDigest = Digest<'StatementDigest'>;
/** H_tx of a transaction's body; never covers the signature. */
export type TransactionId = Digest<'TransactionId'>;
/** H_wire of id and signature: the key of every cache that precedes verification. */
export type WireKey = Digest<'WireKey'>;
/** H_address of an account's first ML-DSA-87 public key. */
export type Address = Digest<'Address'>;
/** H_vid of a validator's identity key. */
export type ValidatorId = Digest<'ValidatorId'>;
export type ParamsHash = Digest<'ParamsHash'>;
/** Root of the accounts, the system state or the results. */
export type StateRoot = Digest<'StateRoot'>;

type AnyId =
  | NetworkId
  | BlockId
  | PayloadDigest
  | CommitDigest
  | StatementDigest
  | TransactionId
  | WireKey
  | Address
  | ValidatorId
  | ParamsHash
  | StateRoot;

export const ID_BYTES = 32;

/** Brands 32 bytes, or their text, as an id. Callers hold bytes of the right length: from a hash or a decoder. */
export function id<Id extends AnyId>(value: Uint8Array | string): Id {
  const isSound = typeof value === 'string' ? isHex(value, ID_BYTES) : value.length === ID_BYTES;
  assert(isSound, 'an id is 32 bytes');
  return (typeof value === 'string' ? value : value.toHex()) as Id;
}

/** Round of the DAG: 0 is genesis, at most 2^32 - 1. */
export type Round = number;
/** Position of a member in the committee of an epoch. */
export type AuthorIndex = number;
/** Commits are counted over all epochs; the first is 1, 0 stands for genesis. */
export type CommitIndex = number;
/** Checkpoints are counted over all epochs; the first is 1. */
export type CheckpointIndex = number;
