import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Results } from '../../../src/execution/model/results.ts';
import { merkleLevels } from '../../../src/execution/model/roots.ts';
import { id } from '../../../src/types/ids.ts';
import type { Receipt } from '../../../src/types/receipt.ts';
import { ByteWriter } from '../../../src/util/byte-writer.ts';
import { sampleReceipts } from '../../vectors/ledger/golden.ts';
import { hasher } from './fixture.ts';

/** docs/spec/checkpoint.md, in as few words as it has. */
function definedRoot(receipts: readonly Receipt[]): string {
  const leaves = receipts.map((receipt) => {
    const bitmap = receipt.bitmap.length === 0 ? new Uint8Array(32) : hasher.hash('bitmap', receipt.bitmap);
    const code = { OK: 0, PARTIAL: 1, INTERNAL: 9 }[receipt.code as 'OK'];
    const out = new ByteWriter().hex(receipt.id, 32).u8(code).u53(receipt.commit).u32(receipt.detail).bytes(bitmap);
    return hasher.hash('res', out.finish());
  });
  const root = merkleLevels(hasher, leaves).at(-1)?.[0] ?? assert.fail();
  return hasher.hash('results', new ByteWriter().u53(leaves.length).finish(), root).toHex();
}

describe('the results root', () => {
  it('is that of the complete tree, though only one node a level is kept', () => {
    const results = new Results(hasher);
    const receipts: Receipt[] = [];
    for (let i = 0; i < 35; i++) {
      assert.equal(results.root(), definedRoot(receipts), `${i} results`);
      const sample = sampleReceipts()[i % 4] as Receipt;
      const receipt = { ...sample, id: id<Receipt['id']>(i.toString(16).padStart(64, '0')) };
      receipts.push(receipt);
      results.add(receipt);
    }
  });

  it('goes on from what a snapshot kept', () => {
    const whole = new Results(hasher);
    const [first, ...others] = sampleReceipts() as [Receipt, ...Receipt[]];
    whole.add(first);
    const restored = new Results(hasher, whole.pending);
    for (const receipt of others) {
      whole.add(receipt);
      restored.add(receipt);
    }
    assert.equal(restored.root(), whole.root());
    assert.equal(restored.count, 4);
  });
});
