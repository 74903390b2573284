import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Document } from 'mongodb';
import { bounded, MAX_ANSWER_BYTES } from '../../../../src/storage/mongo/bounded.ts';

const bytesOf = (size: number): number => size;
const sizeOf = ({ size }: Document): number => size;

/** Documents of these sizes, and how many of them were taken. */
function database(sizes: readonly number[]) {
  const counts = { taken: 0, closed: 0 };
  async function* documents(): AsyncGenerator<Document> {
    try {
      for (const size of sizes) {
        counts.taken += 1;
        yield { size };
      }
    } finally {
      counts.closed += 1;
    }
  }
  return { counts, documents: documents() };
}

suite('an answer of the archive', () => {
  test('has all documents that may be there', async () => {
    const { documents } = database([1, MAX_ANSWER_BYTES - 1]);
    assert.deepEqual(await bounded(documents, 2, sizeOf, bytesOf), [1, MAX_ANSWER_BYTES - 1]);
  });

  for (const [what, sizes, taken] of [
    ['one document too many', [1, 1, 1, 1, 1], 4],
    ['one byte too many', [MAX_ANSWER_BYTES, 1, 1], 2],
  ] as const) {
    test(`is none with ${what}, and the rest is not read`, async () => {
      const { counts, documents } = database(sizes);
      assert.equal(await bounded(documents, 3, sizeOf, bytesOf), undefined);
      assert.deepEqual(counts, { taken, closed: 1 });
    });
  }

  test('ends with the first damaged document', async () => {
    const { counts, documents } = database([1, 2, 3]);
    const read = ({ size }: Document): number => {
      if (size === 2) throw new Error('damaged');
      return size;
    };
    await assert.rejects(bounded(documents, 3, read), /damaged/);
    assert.deepEqual(counts, { taken: 2, closed: 1 });
  });
});
