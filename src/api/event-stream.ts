import { PassThrough, type Readable } from 'node:stream';
import type { CheckpointView, NodeService } from '../replica/service.ts';
import type { RestErrorCode } from '../types/rest-errors.ts';
import { type EventPosition, formatEventId } from '../types/rest-events.ts';
import { errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { Timer, Timers } from '../util/timers.ts';
import { RestError } from './errors.ts';
import type { EventFeed, Subscription } from './event-feed.ts';
import { HEARTBEAT_MS, MAX_STREAM_BYTES, STALL_LIMIT_MS } from './options.ts';
import { problemOf } from './problem.ts';
import { checkpointSummary } from './views.ts';

export interface EventStreamModules {
  readonly service: NodeService;
  readonly feed: EventFeed;
  readonly timers: Timers;
  readonly log: Logger;
  lastCertified(): number;
}

/**
 * One subscriber. Nothing is queued for it: it reads the chain at its own pace, from its position on, and what it has not taken yet is at most
 * `MAX_STREAM_BYTES` and the events of one commit. A reader that takes nothing for too long is told so and cut off; its last id is where it goes on.
 */
export class EventStream {
  readonly #modules: EventStreamModules;
  readonly #subscription: Subscription;
  readonly #output = new PassThrough({ highWaterMark: MAX_STREAM_BYTES / 2 });
  #position: EventPosition;
  #heartbeat: Timer | undefined;
  #isHeartbeatDue = true;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(modules: EventStreamModules, subscription: Subscription, position: EventPosition) {
    this.#modules = modules;
    this.#subscription = subscription;
    this.#position = position;
  }

  /** `closed` is called once, when the reader is gone or was told the end. */
  start(closed: () => void): Readable {
    this.#output.on('error', () => undefined); // how a reader went away is of no interest
    this.#output.once('close', () => {
      this.#isOver = true;
      this.#heartbeat?.cancel();
      this.wake();
      closed();
    });
    this.#run().catch((error: unknown) => {
      this.#modules.log.error('an event stream failed', { error: errorText(error) });
      this.end('INTERNAL', 'go on behind the last id');
    });
    return this.#output;
  }

  /** Something may have become final or certified. */
  wake(): void {
    this.#wake();
  }

  /** Says why, as the last event, and closes whether or not that is read. */
  end(code: RestErrorCode, message: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#heartbeat?.cancel();
    this.wake();
    const problem = problemOf(new RestError(code, message, { lastEventId: formatEventId(this.#position) }));
    this.#output.end(eventText('end', JSON.stringify(problem), this.#position));
    const fuse = this.#modules.timers.after(STALL_LIMIT_MS, () => this.#output.destroy(new Error(code)));
    this.#output.once('close', () => fuse.cancel());
  }

  async #run(): Promise<void> {
    const { chain } = this.#modules.service;
    while (!this.#isOver) {
      if (this.#isHeartbeatDue) await this.#beat();
      const certified = this.#nextCheckpoint();
      if (certified !== undefined) await this.#sendCheckpoint(certified);
      else if (this.#position.commit < chain.contentThrough) await this.#sendCommit();
      else await this.#pause();
    }
  }

  /** The first one too says where the stream is, so that a reader can go on whatever happens next. */
  async #beat(): Promise<void> {
    this.#isHeartbeatDue = false;
    this.#heartbeat = this.#modules.timers.after(HEARTBEAT_MS, () => {
      this.#isHeartbeatDue = true;
      this.wake();
    });
    await this.#send('heartbeat', JSON.stringify({ commit: this.#position.commit }));
  }

  async #sendCommit(): Promise<void> {
    const { feed, service } = this.#modules;
    const index = this.#position.commit + 1;
    const commit = await feed.at(index);
    if (commit === undefined) {
      this.end('EVENTS_GONE', `block ${index} is no longer kept here, the oldest is ${service.chain.contentFrom}`);
      return;
    }
    const { checkpoint } = this.#position;
    for (const { kind, data, events } of commit.select(this.#subscription, this.#position.events)) {
      if (this.#isOver) return;
      this.#position =
        events === undefined ? { commit: index, events: 0, checkpoint } : { commit: index - 1, events, checkpoint };
      await this.#send(kind, data);
    }
    this.#position = { commit: index, events: 0, checkpoint };
  }

  /** The next one with a certificate, once its commit was sent. Those that are no longer kept are passed over. */
  #nextCheckpoint(): CheckpointView | undefined {
    const { service, lastCertified } = this.#modules;
    for (let index = this.#position.checkpoint + 1; index <= lastCertified(); index++) {
      const found = service.checkpoint(index);
      if (found?.certificate === undefined) {
        this.#position = { ...this.#position, checkpoint: index };
        continue;
      }
      return found.statement.commitIndex <= this.#position.commit ? found : undefined;
    }
    return undefined;
  }

  async #sendCheckpoint(checkpoint: CheckpointView): Promise<void> {
    this.#position = { ...this.#position, checkpoint: checkpoint.statement.index };
    if (this.#subscription.kinds.has('checkpoint'))
      await this.#send('checkpoint', JSON.stringify(checkpointSummary(checkpoint)));
  }

  async #send(name: string, data: string): Promise<void> {
    if (this.#isOver || this.#output.write(eventText(name, data, this.#position))) return;
    if (!(await this.#drained()))
      this.end('SLOW_READER', `nothing was read for ${STALL_LIMIT_MS} ms: go on behind the last id`);
  }

  async #drained(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#modules.timers.after(STALL_LIMIT_MS, () => resolve(false));
    const done = (): void => resolve(true);
    this.#output.once('drain', done).once('close', done);
    return promise.finally(() => {
      timer.cancel();
      this.#output.off('drain', done).off('close', done);
    });
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}

function eventText(name: string, data: string, position: EventPosition): string {
  return `id: ${formatEventId(position)}\nevent: ${name}\ndata: ${data}\n\n`;
}
