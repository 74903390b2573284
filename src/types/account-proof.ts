import type { Hasher } from '../crypto/hasher.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { CodedError } from '../util/errors.ts';
import { type Address, ID_BYTES, id, type StateRoot } from './ids.ts';
import type { AccountHandle, AssetIndex } from './transaction.ts';

/** Accounts of one leaf: docs/spec/checkpoint.md. */
export const PAGE_ACCOUNTS = 32;
/** address, key hash, key version, flags */
export const STATIC_ROW_BYTES = ID_BYTES + ID_BYTES + 4 + 4;
export const FROZEN_FLAG = 1;

const STATICS_BYTES = PAGE_ACCOUNTS * STATIC_ROW_BYTES;
const COLUMN_BYTES = PAGE_ACCOUNTS * 8;
const PROOF_VERSION = 1;
/** 2^27 pages hold every handle. */
const MAX_DEPTH = 27;
const MAX_FURTHER_ROOTS = 255;

/** An account as the ledger keeps it. */
export interface AccountState {
  readonly handle: AccountHandle;
  readonly address: Address;
  /** H_key of the current public key. */
  readonly keyHash: Uint8Array;
  readonly keyVersion: number;
  readonly frozen: boolean;
  /** The nonce of the account's next transaction. */
  readonly nonce: number;
  /** By asset. */
  readonly balances: readonly bigint[];
}

/** The page of an account with the path from it to an accounts root. Proves membership; absence is not provable. */
export interface AccountProof {
  readonly handle: AccountHandle;
  readonly accountCount: number;
  readonly statics: Uint8Array;
  readonly nonces: Uint8Array;
  /** Column of asset 0. */
  readonly balances: Uint8Array;
  /** Siblings from the leaf upwards. */
  readonly path: readonly Uint8Array[];
  /** Roots of the assets from 1. */
  readonly furtherRoots: readonly Uint8Array[];
  readonly further?: {
    readonly asset: AssetIndex;
    readonly balances: Uint8Array;
    readonly path: readonly Uint8Array[];
  };
}

/** What a proof shows: the row, and the balances of asset 0 and of the further asset it covers. */
export interface ProvenAccount extends Omit<AccountState, 'balances'> {
  readonly balance: bigint;
  readonly further?: { readonly asset: AssetIndex; readonly balance: bigint };
}

/** `PROOF_SHAPE`: it cannot be one of any root. `PROOF_ROOT`: it is one, but of another root. */
export type AccountProofErrorCode = 'PROOF_SHAPE' | 'PROOF_ROOT';

export class AccountProofError extends CodedError<AccountProofErrorCode> {}

export function encodeAccountProof(proof: AccountProof): Uint8Array {
  const out = new ByteWriter(4_096);
  out.u8(PROOF_VERSION).u32(proof.handle).u32(proof.accountCount);
  out.fixed(proof.statics, STATICS_BYTES).fixed(proof.nonces, COLUMN_BYTES).fixed(proof.balances, COLUMN_BYTES);
  writeDigests(out.u8(proof.path.length), proof.path);
  writeDigests(out.u8(proof.furtherRoots.length), proof.furtherRoots);
  if (proof.further === undefined) return out.u8(0).finish();
  out.u8(proof.further.asset).fixed(proof.further.balances, COLUMN_BYTES);
  writeDigests(out, proof.further.path);
  return out.finish();
}

/** @throws DecodeError */
export function decodeAccountProof(bytes: Uint8Array): AccountProof {
  const reader = new ByteReader(bytes);
  if (reader.u8('version') !== PROOF_VERSION) throw reader.refuse('NON_CANONICAL', 'version', 'unknown version');
  const handle = reader.u32('handle');
  const accountCount = reader.u32('accountCount');
  const statics = reader.bytes(STATICS_BYTES, 'statics');
  const nonces = reader.bytes(COLUMN_BYTES, 'nonces');
  const balances = reader.bytes(COLUMN_BYTES, 'balances');
  const path = readDigests(reader, reader.count(reader.u8('path'), MAX_DEPTH, ID_BYTES, 'path'), 'path');
  const rootCount = reader.count(reader.u8('furtherRoots'), MAX_FURTHER_ROOTS, ID_BYTES, 'furtherRoots');
  const furtherRoots = readDigests(reader, rootCount, 'furtherRoots');
  const proof = { handle, accountCount, statics, nonces, balances, path, furtherRoots };
  const asset = reader.u8('further.asset');
  if (asset === 0) {
    reader.end();
    return proof;
  }
  const further = {
    asset,
    balances: reader.bytes(COLUMN_BYTES, 'further.balances'),
    path: readDigests(reader, path.length, 'further.path'),
  };
  reader.end();
  return { ...proof, further };
}

/**
 * The account a proof shows under `accountsRoot`.
 * @throws AccountProofError
 */
export function verifyAccountProof(hasher: Hasher, proof: AccountProof, accountsRoot: StateRoot): ProvenAccount {
  const { handle, accountCount, furtherRoots, further } = proof;
  const page = Math.floor(handle / PAGE_ACCOUNTS);
  const depth = treeDepth(Math.ceil(accountCount / PAGE_ACCOUNTS));
  if (handle >= accountCount)
    throw new AccountProofError('PROOF_SHAPE', 'the handle is none of the accounts', { handle });
  if (proof.path.length !== depth) {
    throw new AccountProofError('PROOF_SHAPE', `a path of ${depth} digests expected`, { got: proof.path.length });
  }
  if (further !== undefined && further.asset > furtherRoots.length) {
    throw new AccountProofError('PROOF_SHAPE', 'no root for the further asset', { asset: further.asset });
  }
  const leaf = pageLeaf(hasher, page, hasher.hash('static', proof.statics), proof.nonces, proof.balances);
  const roots = [foldPath(hasher, page, leaf, proof.path), ...furtherRoots];
  if (further !== undefined) {
    roots[further.asset] = foldPath(hasher, page, assetLeaf(hasher, page, further.balances), further.path);
  }
  const unchanged = further === undefined || equal(roots[further.asset], furtherRoots[further.asset - 1]);
  if (!unchanged || accountsRootOf(hasher, accountCount, roots) !== accountsRoot) {
    throw new AccountProofError('PROOF_ROOT', 'the proof does not lead to this root', { handle });
  }
  return provenRow(proof);
}

export function accountsRootOf(hasher: Hasher, accountCount: number, roots: readonly Uint8Array[]): StateRoot {
  const head = new ByteWriter(6).u32(accountCount).u16(roots.length).finish();
  return id<StateRoot>(hasher.hash('accounts', head, ...roots));
}

/** Levels above the leaves of the smallest complete tree that holds them. */
export function treeDepth(leaves: number): number {
  let depth = 0;
  while (2 ** depth < leaves) depth += 1;
  return depth;
}

export function pageLeaf(
  hasher: Hasher,
  page: number,
  staticsDigest: Uint8Array,
  nonces: Uint8Array,
  balances: Uint8Array,
): Uint8Array {
  return hasher.hash('leaf', new ByteWriter(4).u32(page).finish(), staticsDigest, nonces, balances);
}

export function assetLeaf(hasher: Hasher, page: number, balances: Uint8Array): Uint8Array {
  return hasher.hash('leaf', new ByteWriter(4).u32(page).finish(), balances);
}

function foldPath(hasher: Hasher, page: number, leaf: Uint8Array, path: readonly Uint8Array[]): Uint8Array {
  let node = leaf;
  for (const [level, sibling] of path.entries()) {
    const isRight = Math.floor(page / 2 ** level) % 2 === 1;
    node = isRight ? hasher.hash('node', sibling, node) : hasher.hash('node', node, sibling);
  }
  return node;
}

function provenRow(proof: AccountProof): ProvenAccount {
  const row = proof.handle % PAGE_ACCOUNTS;
  const statics = new ByteReader(proof.statics.subarray(row * STATIC_ROW_BYTES, (row + 1) * STATIC_ROW_BYTES));
  const column = (bytes: Uint8Array): ByteReader => new ByteReader(bytes.subarray(row * 8, row * 8 + 8));
  const account = {
    handle: proof.handle,
    address: id<Address>(statics.bytes(ID_BYTES, 'address')),
    keyHash: statics.bytes(ID_BYTES, 'keyHash'),
    keyVersion: statics.u32('keyVersion'),
    frozen: (statics.u32('flags') & FROZEN_FLAG) !== 0,
    nonce: column(proof.nonces).u53('nonce'),
    balance: column(proof.balances).u64('balance'),
  };
  if (proof.further === undefined) return account;
  const { asset, balances } = proof.further;
  return { ...account, further: { asset, balance: column(balances).u64('balance') } };
}

function writeDigests(out: ByteWriter, digests: readonly Uint8Array[]): void {
  for (const digest of digests) out.fixed(digest, ID_BYTES);
}

function readDigests(reader: ByteReader, count: number, field: string): Uint8Array[] {
  return Array.from({ length: count }, () => reader.bytes(ID_BYTES, field));
}

function equal(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.toHex() === b.toHex();
}
