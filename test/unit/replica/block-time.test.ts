import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DagView } from '../../../src/consensus/index.ts';
import { BlockTime } from '../../../src/replica/block-time.ts';
import type { BlockRef } from '../../../src/types/block.ts';
import { type BlockId, id } from '../../../src/types/ids.ts';

const NOON_MS = 1_800_000_000_000;
/** Four blocks of the others, a second apart; the median of four is the third. */
const TIMES = [0, 1_000, 2_000, 3_000].map((offset) => NOON_MS + offset);
const MEDIAN_MS = NOON_MS + 2_000;

function blockTime(wallMs: number): { readonly stamp: () => number; readonly time: BlockTime } {
  const refs = TIMES.map((_, author): BlockRef => ({ round: 1, author, id: id<BlockId>(`${author}`.repeat(64)) }));
  const get = (blockId: BlockId) => ({ timestampMs: TIMES[refs.findIndex((ref) => ref.id === blockId)] });
  const time = new BlockTime({ wallMs: () => wallMs, monotonicMs: () => 500 });
  time.made(500);
  return { time, stamp: () => time.timestampMs({ get } as unknown as DagView, refs) };
}

describe('the time of own blocks', () => {
  for (const [name, wallMs, stampMs, ignoredMs] of [
    ['a good clock', MEDIAN_MS + 1_000, MEDIAN_MS + 1_000, 0],
    ['a clock that is late within what is believed', MEDIAN_MS - 10_000, MEDIAN_MS - 10_000, 0],
    ['a clock that is an hour behind', MEDIAN_MS - 3_600_000, MEDIAN_MS - 10_000, -3_590_000],
    ['a clock that is 30 s ahead', MEDIAN_MS + 30_000, MEDIAN_MS + 10_000, 20_000],
  ] as const) {
    it(`follows ${name}, and says how much of it was ignored`, () => {
      const { stamp, time } = blockTime(wallMs);
      assert.deepEqual([stamp(), time.ignoredMs], [stampMs, ignoredMs]);
    });
  }
});
