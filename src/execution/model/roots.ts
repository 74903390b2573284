import type { Hasher } from '../../crypto/hasher.ts';
import {
  type AccountProof,
  accountsRootOf,
  assetLeaf,
  encodeAccountProof,
  FROZEN_FLAG,
  PAGE_ACCOUNTS,
  pageLeaf,
  STATIC_ROW_BYTES,
  treeDepth,
} from '../../types/account-proof.ts';
import { ID_BYTES, id, type StateRoot } from '../../types/ids.ts';
import type { AccountHandle, AssetIndex } from '../../types/transaction.ts';
import { ByteWriter } from '../../util/byte-writer.ts';
import type { LedgerGenesis } from '../genesis.ts';
import type { ModelAccount, ModelState } from './state.ts';
import { writeSystem } from './system-codec.ts';

const SYSTEM_VERSION = 1;
export const ABSENT = new Uint8Array(ID_BYTES);

/** All nodes of the smallest complete tree that holds the leaves, from the leaves upwards. What is not there is 32 zero bytes. */
export function merkleLevels(hasher: Hasher, leaves: readonly Uint8Array[]): Uint8Array[][] {
  const levels = [leaves.length === 0 ? [ABSENT] : [...leaves]];
  for (let depth = treeDepth(leaves.length); depth > 0; depth--) {
    const below = levels.at(-1) as Uint8Array[];
    const above: Uint8Array[] = [];
    for (let i = 0; i < below.length; i += 2) {
      above.push(hasher.hash('node', below[i] as Uint8Array, below[i + 1] ?? ABSENT));
    }
    levels.push(above);
  }
  return levels;
}

/** The accounts as of a checkpoint, with all that their proofs need. */
export class RootedAccounts {
  readonly root: StateRoot;
  readonly #count: number;
  readonly #pages: readonly Page[];
  /** By asset. */
  readonly #trees: readonly Uint8Array[][][];

  constructor(hasher: Hasher, { accounts, supply }: ModelState) {
    this.#count = accounts.length;
    this.#pages = Array.from({ length: Math.ceil(accounts.length / PAGE_ACCOUNTS) }, (_, page) => {
      return encodePage(accounts.slice(page * PAGE_ACCOUNTS, (page + 1) * PAGE_ACCOUNTS), supply.length);
    });
    this.#trees = supply.map((_, asset) => merkleLevels(hasher, this.#leaves(hasher, asset)));
    this.root = accountsRootOf(hasher, this.#count, this.#roots());
  }

  proof(handle: AccountHandle, asset: AssetIndex): Uint8Array | undefined {
    if (handle >= this.#count || asset >= this.#trees.length) return undefined;
    const page = Math.floor(handle / PAGE_ACCOUNTS);
    const { statics, nonces, balances } = this.#pages[page] as Page;
    const proof: AccountProof = {
      handle,
      accountCount: this.#count,
      statics,
      nonces,
      balances: balances[0] as Uint8Array,
      path: this.#path(0, page),
      furtherRoots: this.#roots().slice(1),
    };
    if (asset === 0) return encodeAccountProof(proof);
    const further = { asset, balances: balances[asset] as Uint8Array, path: this.#path(asset, page) };
    return encodeAccountProof({ ...proof, further });
  }

  #leaves(hasher: Hasher, asset: AssetIndex): Uint8Array[] {
    return this.#pages.map(({ statics, nonces, balances }, page) => {
      const column = balances[asset] as Uint8Array;
      return asset > 0
        ? assetLeaf(hasher, page, column)
        : pageLeaf(hasher, page, hasher.hash('static', statics), nonces, column);
    });
  }

  #roots(): Uint8Array[] {
    return this.#trees.map((levels) => levels.at(-1)?.[0] as Uint8Array);
  }

  #path(asset: AssetIndex, page: number): Uint8Array[] {
    const levels = (this.#trees[asset] as Uint8Array[][]).slice(0, -1);
    return levels.map((level, height) => level[Math.floor(page / 2 ** height) ^ 1] ?? ABSENT);
  }
}

export function systemRoot(hasher: Hasher, genesis: LedgerGenesis, state: ModelState): StateRoot {
  const out = new ByteWriter();
  out.u8(SYSTEM_VERSION).fixed(genesis.committeeDigest, ID_BYTES).hex(genesis.paramsHash, ID_BYTES);
  // No queued validator changes, no pending blocks: both come with the epochs and modes that have them.
  out.u16(0).u32(0);
  writeSystem(out, state);
  return id<StateRoot>(hasher.hash('system', out.finish()));
}

interface Page {
  readonly statics: Uint8Array;
  readonly nonces: Uint8Array;
  /** By asset. */
  readonly balances: readonly Uint8Array[];
}

function encodePage(accounts: readonly ModelAccount[], assets: number): Page {
  const statics = new ByteWriter(PAGE_ACCOUNTS * STATIC_ROW_BYTES);
  for (const { address, keyHash, keyVersion, frozen } of accounts) {
    statics
      .hex(address, ID_BYTES)
      .bytes(keyHash)
      .u32(keyVersion)
      .u32(frozen ? FROZEN_FLAG : 0);
  }
  const absent = PAGE_ACCOUNTS - accounts.length;
  const column = (value: (account: ModelAccount) => bigint): Uint8Array => {
    const out = new ByteWriter(PAGE_ACCOUNTS * 8);
    for (const account of accounts) out.u64(value(account));
    return out.bytes(new Uint8Array(absent * 8)).finish();
  };
  return {
    statics: statics.bytes(new Uint8Array(absent * STATIC_ROW_BYTES)).finish(),
    nonces: column(({ nonce }) => BigInt(nonce)),
    balances: Array.from({ length: assets }, (_, asset) => column(({ balances }) => balances[asset] as bigint)),
  };
}
