import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { batches } from '../../../src/client/batches.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { MAX_BATCH_ITEMS, MAX_BODY_BYTES } from '../../../src/types/rest.ts';
import { ByteReader } from '../../../src/util/byte-reader.ts';

const signature = new Uint8Array(SIGNATURE_BYTES);
const item = (bytes: number) => ({ body: new Uint8Array(bytes), signature });

describe('batches', () => {
  it('keeps every transaction, in order and framed, within the limits of a request', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 60_000, max: 120_000 })), {
      maxLength: 150,
    });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const items = lengths.map(item);
        const made = [...batches(items)];
        assert.deepEqual(
          made.flatMap((batch) => batch.items),
          items,
        );
        for (const { items: some, bytes } of made) {
          assert.ok(bytes.length <= MAX_BODY_BYTES && some.length >= 1 && some.length <= MAX_BATCH_ITEMS);
          const reader = new ByteReader(bytes);
          for (const { body } of some) reader.bytes(reader.u32('length'), 'item').subarray(body.length);
          reader.end();
        }
      }),
      { numRuns: 20 },
    );
  });

  it('fills a request to its limit', () => {
    const items = Array.from({ length: MAX_BATCH_ITEMS + 1 }, () => item(1));
    assert.deepEqual(
      [...batches(items)].map((batch) => batch.items.length),
      [MAX_BATCH_ITEMS, 1],
    );
    assert.deepEqual([...batches([])], []);
  });
});
