import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  encodeSnapshotContent,
  readSnapshotContent,
  type SnapshotContent,
} from '../../../src/replica/snapshot-content.ts';
import type { LogPosition } from '../../../src/storage/index.ts';
import { type BlockId, type CommitDigest, id } from '../../../src/types/ids.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { Universe } from '../../dag/universe.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { signed } from './stored.ts';

const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
const EVIDENCE = {
  first: signed(universe.block(1, 1, universe.roots)),
  second: signed(universe.block(1, 1, universe.roots, { timestampMs: 7 })),
};

const VALID: SnapshotContent = {
  state: {
    lastCommit: {
      index: 9,
      digest: id<CommitDigest>('09'.repeat(32)),
      timeMs: 1_700_000_000_000,
      leaderRound: 12,
      slot: { round: 12, offset: 1 },
    },
    linearised: [{ round: 11, author: 2, id: id<BlockId>('b2'.repeat(32)) }],
    lastProposedRound: 13,
  },
  gcRound: 2,
  commits: { first: 4, positions: [70, 80, 90] as LogPosition[] },
  evidence: [EVIDENCE],
  ledger: [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4)],
};

/** As a disk gives it back: in chunks that respect no border. */
async function* chunks(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (bytes: Uint8Array) => readSnapshotContent(shaHasher, chunks(bytes));
const BYTES = concatBytes(...encodeSnapshotContent(VALID));
/** Before: point 58 and rounds 8; count 4, reference 38 and first 8; count 4 and three positions 24. */
const AT = {
  linearised: 66,
  commits: 116,
  ledger: 144,
  /** Behind count 2, three lengths and four bytes. */
  evidence: 144 + 2 + 24 + 4,
};

describe('snapshot content', () => {
  it('is read as it was written', async () => {
    assert.deepEqual(await read(BYTES), VALID);
    const empty = {
      ...VALID,
      state: { ...VALID.state, linearised: [] },
      commits: { first: 1, positions: [] },
      evidence: [],
      ledger: [],
    };
    assert.deepEqual(await read(concatBytes(...encodeSnapshotContent(empty))), empty);
  });

  it('hands the ledger its parts without copying them', () => {
    assert.equal(encodeSnapshotContent(VALID)[1], VALID.ledger[0]);
  });

  it('is refused with every cut but the one before the evidence, and with every addition', async () => {
    // Without evidence it ends as the first ones did.
    assert.deepEqual(await read(BYTES.subarray(0, AT.evidence)), { ...VALID, evidence: [] });
    for (let length = 0; length < BYTES.length; length++) {
      if (length === AT.evidence) continue;
      await assert.rejects(read(BYTES.subarray(0, length)), { code: 'TRUNCATED' }, `${length}`);
    }
    await assert.rejects(read(Uint8Array.of(...BYTES, 0)), { code: 'TRAILING_BYTES' });
  });

  for (const [field, at, width] of [
    ['linearised', AT.linearised, 4],
    ['commits', AT.commits, 4],
    ['evidence', AT.evidence, 2],
    ['ledger', AT.ledger, 2],
  ] as const) {
    it(`is refused when it counts too many: ${field}`, async () => {
      const changed = BYTES.slice();
      changed.fill(0xff, at, at + width);
      await assert.rejects(read(changed), { code: 'LIMIT', fields: { field, offset: at + width } });
    });
  }
});
