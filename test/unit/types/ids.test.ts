import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BlockId, id } from '../../../src/types/ids.ts';
import { AssertionFailure } from '../../../src/util/assert.ts';

describe('ids', () => {
  it('are the text of 32 bytes, given either way', () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
    assert.equal(id<BlockId>(bytes), bytes.toHex());
    assert.equal(id<BlockId>(bytes.toHex()), bytes.toHex());
  });

  for (const wrong of ['', '00'.repeat(31), '00'.repeat(33), 'AB'.repeat(32), 'zz'.repeat(32)]) {
    it(`are not made of ${wrong.length} characters like '${wrong.slice(0, 2)}'`, () => {
      assert.throws(() => id<BlockId>(wrong), AssertionFailure);
    });
  }
});
