import type { Hasher } from '../../crypto/hasher.ts';
import { ID_BYTES, id, type StateRoot } from '../../types/ids.ts';
import type { Receipt } from '../../types/receipt.ts';
import { APPLIED_CODES } from '../../types/receipt-code.ts';
import { ByteWriter } from '../../util/byte-writer.ts';
import { ABSENT } from './roots.ts';
import type { PendingResults } from './snapshot.ts';

/** The results since the last checkpoint: docs/spec/checkpoint.md. */
export class Results {
  readonly #hasher: Hasher;
  /** Complete subtrees that a snapshot handed over, from the largest; then the leaves since. */
  #pending: (Uint8Array | undefined)[];
  #count: number;

  constructor(hasher: Hasher, { count, pending }: PendingResults = { count: 0, pending: [] }) {
    this.#hasher = hasher;
    this.#count = count;
    this.#pending = [...pending];
  }

  get count(): number {
    return this.#count;
  }

  get pending(): PendingResults {
    return { count: this.#count, pending: this.#pending };
  }

  add(receipt: Receipt): void {
    let node = resultLeaf(this.#hasher, receipt);
    let level = 0;
    for (; this.#pending[level] !== undefined; level++) {
      node = this.#hasher.hash('node', this.#pending[level] as Uint8Array, node);
      this.#pending[level] = undefined;
    }
    this.#pending[level] = node;
    this.#count += 1;
  }

  /** Every level has one node at most that is not the left half of a complete subtree: fold them from below. */
  root(): StateRoot {
    const top = this.#pending.length - 1;
    let edge: Uint8Array | undefined;
    for (const [level, left] of this.#pending.entries()) {
      if (level === top && edge === undefined) edge = left;
      else if (left !== undefined) edge = this.#hasher.hash('node', left, edge ?? ABSENT);
      else if (edge !== undefined) edge = this.#hasher.hash('node', edge, ABSENT);
    }
    const count = new ByteWriter(8).u53(this.#count).finish();
    return id<StateRoot>(this.#hasher.hash('results', count, edge ?? ABSENT));
  }
}

function resultLeaf(hasher: Hasher, receipt: Receipt): Uint8Array {
  const bitmapDigest = receipt.bitmap.length === 0 ? ABSENT : hasher.hash('bitmap', receipt.bitmap);
  const out = new ByteWriter(77);
  out.hex(receipt.id, ID_BYTES).u8(APPLIED_CODES[receipt.code]).u53(receipt.commit).u32(receipt.detail);
  return hasher.hash('res', out.bytes(bitmapDigest).finish());
}
