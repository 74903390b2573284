import type { CommittedSubDag } from '../consensus/index.ts';
import type { ExecutableBlock, ExecutableCommit, ExecutedCommit } from '../execution/index.ts';
import type { CommitIndex } from '../types/ids.ts';
import { assertDefined } from '../util/assert.ts';
import type { BlockStore } from './block-store.ts';

/** A commit and its blocks, whether decided here or taken over. */
/** `decision` is unknown of commits that were taken over from peers. */
export type Executing = Pick<CommittedSubDag, 'commit' | 'blocks' | 'gcRound'> &
  Partial<Pick<CommittedSubDag, 'decision'>>;

/** Runs commits one after the other; the ledger may live on another thread. */
export interface CommitRunner {
  execute(commit: ExecutableCommit): Promise<ExecutedCommit>;
}

export interface ExecutorEvents {
  /** State has changed; nobody outside may hear of it before `final`. */
  executed(result: ExecutedCommit, subDag: Executing, commit: ExecutableCommit): void;
  /** Executed, and everything that decided the commit is durable on this node. */
  final(result: ExecutedCommit, subDag: Executing): void;
  failed(error: unknown): void;
}

/** Executes commits strictly in order, off the path of the rounds, and says when their results may be spoken of. */
export class Executor {
  readonly #runner: CommitRunner;
  readonly #store: BlockStore;
  readonly #events: ExecutorEvents;
  readonly #queue: Executing[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;
  #lastExecuted: CommitIndex;
  #finals: Promise<void> = Promise.resolve();

  constructor(
    lastExecuted: CommitIndex,
    modules: { readonly runner: CommitRunner; readonly store: BlockStore },
    events: ExecutorEvents,
  ) {
    this.#lastExecuted = lastExecuted;
    this.#runner = modules.runner;
    this.#store = modules.store;
    this.#events = events;
  }

  get lastExecuted(): CommitIndex {
    return this.#lastExecuted;
  }

  /** Commits decided and not yet executed. */
  get lag(): number {
    return this.#queue.length;
  }

  /** Resolves when what has been executed so far is final. */
  get finalised(): Promise<void> {
    return this.#finals;
  }

  enqueue(subDag: Executing): void {
    if (this.#stopped || subDag.commit.index <= this.#lastExecuted) return;
    this.#queue.push(subDag);
    this.#running ??= this.#run();
  }

  /** Resolves when what was enqueued is executed and final, or execution failed. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.#finals;
  }

  stop(): void {
    this.#stopped = true;
    this.#queue.length = 0;
  }

  async #run(): Promise<void> {
    try {
      for (let subDag = this.#queue[0]; subDag !== undefined && !this.#stopped; subDag = this.#queue[0]) {
        const executable = await executableCommit(this.#store, subDag);
        const result = await this.#runner.execute(executable);
        if (this.#stopped) return;
        this.#queue.shift();
        this.#lastExecuted = subDag.commit.index;
        this.#events.executed(result, subDag, executable);
        this.#finalise(result, subDag);
      }
    } catch (error) {
      this.#events.failed(error);
    } finally {
      // In the same turn as the last look at the queue, so that what is enqueued next starts a new run.
      this.#running = undefined;
    }
  }

  #finalise(result: ExecutedCommit, subDag: Executing): void {
    // A commit without receipts has nothing to promise: it becomes durable with the next flush.
    const flushed = result.applied + result.dropped === 0 ? Promise.resolve() : this.#store.flush();
    // Both are waited for from now on: a flush may fail before the finals ahead of it have had their turn.
    this.#finals = Promise.all([flushed, this.#finals])
      .then(() => {
        if (!this.#stopped) this.#events.final(result, subDag);
      })
      .catch((error: unknown) => this.#events.failed(error));
  }
}

/** What the ledger takes: the payloads of the commit's blocks, from memory or the log. */
export async function executableCommit(
  store: BlockStore,
  { commit, gcRound, blocks }: Executing,
): Promise<ExecutableCommit> {
  const { index, digest, timeMs, epoch, leader, refs } = commit;
  const executable: ExecutableBlock[] = [];
  for (const [position, ref] of refs.entries()) {
    const header = assertDefined(blocks[position], 'a commit comes with its blocks');
    const { txCount } = header.payload;
    if (txCount === 0) continue;
    const payload = await store.payload(header);
    executable.push({ ref, executedCommit: header.executedCommit, payload, txCount });
  }
  return { index, digest, timeMs, epoch, leader, gcRound, refs, blocks: executable };
}
