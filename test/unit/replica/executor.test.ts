import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ExecutableCommit, type ExecutedCommit, Outcomes } from '../../../src/execution/index.ts';
import { type Executing, Executor, executableCommit } from '../../../src/replica/executor.ts';
import { id, type PayloadDigest } from '../../../src/types/ids.ts';
import { errorText } from '../../../src/util/errors.ts';
import { Universe } from '../../dag/universe.ts';
import { append, commitOf, openStore, turns } from './stored.ts';

const EMPTY_COMMIT = (index: number): Executing => ({ commit: commitOf(index, []), blocks: [], gcRound: 0 });

/** An executor whose ledger answers when the test says so, with one applied transaction unless told otherwise. */
async function executing(options: { readonly applied?: number; readonly runs?: 'by-hand' } = {}) {
  const stored = await openStore();
  const events: string[] = [];
  const waiting: { readonly commit: ExecutableCommit; readonly answer: PromiseWithResolvers<ExecutedCommit> }[] = [];
  const resultOf = (index: number): ExecutedCommit => {
    const outcomes = new Outcomes(index, [], new Uint8Array(0), 0);
    return { index, outcomes, transfers: 0, applied: options.applied ?? 1, dropped: 0, internal: 0 };
  };
  const runner = {
    execute: (commit: ExecutableCommit): Promise<ExecutedCommit> => {
      events.push(`run ${commit.index}`);
      if (options.runs !== 'by-hand') return Promise.resolve(resultOf(commit.index));
      const answer = Promise.withResolvers<ExecutedCommit>();
      waiting.push({ commit, answer });
      return answer.promise;
    },
  };
  const executor = new Executor(
    0,
    { runner, store: stored.store },
    {
      executed: ({ index }) => events.push(`executed ${index}`),
      final: ({ index }) => events.push(`final ${index}`),
      failed: (error) => events.push(`failed ${errorText(error)}`),
    },
  );
  const answerNext = async (): Promise<void> => {
    const { commit, answer } = waiting.shift() ?? assert.fail('no commit is running');
    answer.resolve(resultOf(commit.index));
    await turns();
  };
  return { ...stored, executor, events, waiting, answerNext };
}

describe('executor', () => {
  it('runs one commit at a time, in order', async () => {
    const { executor, events, answerNext } = await executing({ runs: 'by-hand' });
    for (const index of [1, 2, 3]) executor.enqueue(EMPTY_COMMIT(index));
    await turns();
    assert.deepEqual([events, executor.lag, executor.lastExecuted], [['run 1'], 3, 0]);
    await answerNext();
    assert.deepEqual([executor.lag, executor.lastExecuted], [2, 1]);
    await answerNext();
    await answerNext();
    await executor.idle();
    assert.deepEqual(
      events.filter((event) => !event.startsWith('final')),
      ['run 1', 'executed 1', 'run 2', 'executed 2', 'run 3', 'executed 3'],
    );
    assert.deepEqual(
      events.filter((event) => event.startsWith('final')),
      ['final 1', 'final 2', 'final 3'],
    );
  });

  it('ignores what it executed already', async () => {
    const { executor, events } = await executing();
    executor.enqueue(EMPTY_COMMIT(1));
    await executor.idle();
    executor.enqueue(EMPTY_COMMIT(1));
    await executor.idle();
    assert.deepEqual(events, ['run 1', 'executed 1', 'final 1']);
  });

  it('goes on when something comes after it was idle', async () => {
    const { executor, events } = await executing();
    for (const index of [1, 2]) {
      executor.enqueue(EMPTY_COMMIT(index));
      await executor.idle();
    }
    assert.equal(events.at(-1), 'final 2');
  });

  it('makes nothing final before the log is flushed, and does not wait with the next commit', async () => {
    const { executor, events, disk, store } = await executing();
    const universe = new Universe({ powers: [1], leaders: 1 });
    append(store, universe.block(0, 1, universe.roots));
    const release = disk.hold('sync');
    for (const index of [1, 2]) executor.enqueue(EMPTY_COMMIT(index));
    await turns();
    assert.deepEqual(events, ['run 1', 'executed 1', 'run 2', 'executed 2']);
    release();
    await executor.idle();
    assert.deepEqual(events.slice(4), ['final 1', 'final 2']);
  });

  it('does not flush for a commit that promises nothing', async () => {
    const { executor, events, disk, store } = await executing({ applied: 0 });
    const universe = new Universe({ powers: [1], leaders: 1 });
    append(store, universe.block(0, 1, universe.roots));
    disk.hold('sync');
    executor.enqueue(EMPTY_COMMIT(1));
    await turns();
    assert.deepEqual(events, ['run 1', 'executed 1', 'final 1']);
  });

  it('says so when a flush fails, and makes nothing final', async () => {
    const { executor, events, disk, store } = await executing();
    const universe = new Universe({ powers: [1], leaders: 1 });
    append(store, universe.block(0, 1, universe.roots));
    store.giveUp();
    disk.fail({ operation: 'sync', code: 'IO_ERROR' });
    executor.enqueue(EMPTY_COMMIT(1));
    await executor.idle();
    assert.deepEqual(events.slice(0, 2), ['run 1', 'executed 1']);
    assert.match(events[2] ?? '', /^failed LOG_FAILED/);
    assert.equal(events.length, 3);
  });

  it('says so when a later flush fails before an earlier one has ended', async () => {
    const { executor, events, store } = await executing();
    const flushes = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    let flushed = 0;
    store.flush = () => (flushes[flushed++] ?? assert.fail('a third flush')).promise;
    for (const index of [1, 2]) executor.enqueue(EMPTY_COMMIT(index));
    await turns();
    flushes[1].reject(new Error('disk'));
    // An unhandled rejection would end the process here.
    await turns();
    flushes[0].resolve();
    await executor.idle();
    assert.deepEqual(events.slice(4).sort(), ['failed disk', 'final 1']);
  });

  it('says so when the ledger fails, and runs nothing after it', async () => {
    const { executor, events, waiting } = await executing({ runs: 'by-hand' });
    for (const index of [1, 2]) executor.enqueue(EMPTY_COMMIT(index));
    await turns();
    waiting[0]?.answer.reject(new Error('broken'));
    await executor.idle();
    assert.deepEqual([events, executor.lastExecuted, executor.lag], [['run 1', 'failed broken'], 0, 2]);
  });

  it('tells nobody of a commit that ends after it was stopped, and takes no other', async () => {
    const { executor, events, answerNext } = await executing({ runs: 'by-hand' });
    for (const index of [1, 2]) executor.enqueue(EMPTY_COMMIT(index));
    await turns();
    executor.stop();
    await answerNext();
    executor.enqueue(EMPTY_COMMIT(3));
    await executor.idle();
    assert.deepEqual([events, executor.lastExecuted, executor.lag], [['run 1'], 0, 0]);
  });
});

describe('what the ledger gets', () => {
  it('are the commit and the payloads of those blocks that have transactions', async () => {
    const { store } = await openStore(0);
    const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
    const payload = (byte: number) => ({ digest: id<PayloadDigest>('00'.repeat(32)), bytes: 3, txCount: byte });
    const blocks = [
      universe.block(0, 1, universe.roots, { payload: payload(1), executedCommit: 7 }),
      universe.block(1, 1, universe.roots),
      universe.block(2, 1, universe.roots, { payload: payload(2), executedCommit: 8 }),
    ];
    for (const [i, block] of blocks.entries()) {
      append(store, block, i === 1 ? new Uint8Array(0) : Uint8Array.of(i, i, i));
    }
    await store.flush();
    const commit = commitOf(4, blocks);
    const { digest, ...content } = commit;
    const expected = {
      index: 4,
      digest,
      epoch: 1,
      timeMs: 1_004,
      leader: content.leader,
      gcRound: 9,
      refs: content.refs,
    };
    assert.deepEqual(await executableCommit(store, { commit, blocks, gcRound: 9 }), {
      ...expected,
      blocks: [
        { ref: blocks[0]?.ref, executedCommit: 7, payload: Uint8Array.of(0, 0, 0), txCount: 1 },
        { ref: blocks[2]?.ref, executedCommit: 8, payload: Uint8Array.of(2, 2, 2), txCount: 2 },
      ],
    });
  });
});
