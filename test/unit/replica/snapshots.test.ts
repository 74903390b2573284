import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Ledger } from '../../../src/execution/index.ts';
import type { BlockStore } from '../../../src/replica/block-store.ts';
import { type SnapshotPoint, Snapshots } from '../../../src/replica/snapshots.ts';
import type { SnapshotStore } from '../../../src/storage/index.ts';
import { type CommitDigest, id } from '../../../src/types/ids.ts';
import { CodedError } from '../../../src/util/errors.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';

const POINT: SnapshotPoint = {
  state: {
    lastCommit: {
      index: 7,
      digest: id<CommitDigest>('07'.repeat(32)),
      timeMs: 1_700_000_000_000,
      leaderRound: 9,
      slot: { round: 9, offset: 0 },
    },
    linearised: [],
    lastProposedRound: 9,
  },
  gcRound: 0,
};

function snapshots(
  receiptsKept: () => Promise<void>,
  ledgerSnapshot: () => readonly Uint8Array[] = () => [],
  neededFrom = Number.POSITIVE_INFINITY,
): { readonly subject: Snapshots; readonly written: object[]; readonly forgotten: number[] } {
  const written: object[] = [];
  const forgotten: number[] = [];
  let nowMs = 0;
  const ledger = { lastCheckpoint: { index: 3 }, snapshot: ledgerSnapshot };
  const store = {
    keptCommits: () => ({ first: 1, positions: [] }),
    evidence: () => [],
    oldestPosition: () => 64,
    flush: async () => {
      // What is executed meanwhile is no part of this snapshot.
      ledger.lastCheckpoint = { index: 4 };
    },
    forgetCommits: async (index: number) => void forgotten.push(index),
    log: { dropBefore: async () => undefined },
  };
  const stored = { write: async (metadata: object) => written.push(metadata), oldest: async () => undefined };
  const subject = new Snapshots(
    { snapshotEveryMs: 1, retainCommits: 10 },
    {
      store: store as unknown as BlockStore,
      snapshots: stored as unknown as SnapshotStore,
      ledger: ledger as unknown as Ledger,
      clock: { wallMs: () => 0, monotonicMs: () => nowMs++ },
      logger: SILENT_LOGGER,
      receiptsKept,
      neededFrom: () => neededFrom,
    },
  );
  return { subject, written, forgotten };
}

describe('a snapshot', () => {
  it('is written after the receipts of its commits, which a restart from it does not make again', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { subject, written } = snapshots(() => promise);
    subject.take(POINT);
    await new Promise((done) => setImmediate(done));
    assert.deepEqual(written, []);
    resolve();
    await subject.idle();
    assert.equal(written.length, 1);
  });

  it('is not written when the receipts cannot be', async () => {
    const { subject, written } = snapshots(() => Promise.reject(new Error('no space')));
    subject.take(POINT);
    await subject.idle();
    assert.deepEqual(written, []);
  });

  it('is not tried again once the ledger could not sync its keys: a later sync would say nothing of them', async () => {
    const { subject, written } = snapshots(
      () => Promise.resolve(),
      () => {
        throw new CodedError('LEDGER_KEY_FILE', 'syncing the key file failed');
      },
    );
    assert.equal(subject.due, true);
    subject.take(POINT);
    await subject.idle();
    assert.deepEqual([written, subject.due], [[], false]);
  });

  it('lets go of commits behind it, unless somebody has still to read them', async () => {
    for (const [neededFrom, keptFrom] of [
      [Number.POSITIVE_INFINITY, -3],
      [-2, -3],
      [-7, -7],
    ] as const) {
      const { subject, forgotten } = snapshots(
        () => Promise.resolve(),
        () => [],
        neededFrom,
      );
      subject.take(POINT);
      await subject.idle();
      assert.deepEqual(forgotten, [keptFrom]);
    }
  });

  it('names the checkpoint of the ledger it holds, not one of later', async () => {
    const { subject, written } = snapshots(() => Promise.resolve());
    subject.take(POINT);
    await subject.idle();
    assert.deepEqual(written, [
      { commitIndex: 7, commitDigest: POINT.state.lastCommit.digest, checkpointIndex: 3, logPosition: 64 },
    ]);
  });
});
