import type { Readable } from 'node:stream';
import type { NodeService } from '../replica/service.ts';
import { EVENT_KINDS, type EventKind, type EventPosition, parseEventId } from '../types/rest-events.ts';
import type { Logger } from '../util/logger.ts';
import type { Timers } from '../util/timers.ts';
import type { Handlers } from './endpoints.ts';
import { RestError } from './errors.ts';
import { EventFeed, type Subscription } from './event-feed.ts';
import { EventStream } from './event-stream.ts';
import { findAccount, oldestCheckpoint } from './ledger.ts';
import type { ApiMetrics } from './metrics.ts';
import { MAX_STREAMS_PER_SOURCE } from './options.ts';

interface EventStreamsModules {
  readonly service: NodeService;
  readonly timers: Timers;
  readonly log: Logger;
  readonly metrics: ApiMetrics;
}

/** All subscribers: how many at most, and that none holds up a stop. */
export class EventStreams {
  readonly #maxStreams: number;
  readonly #modules: EventStreamsModules;
  readonly #feed: EventFeed;
  readonly #streams = new Map<EventStream, { readonly source: string }>();
  readonly #unsubscribe: () => void;

  constructor(maxStreams: number, modules: EventStreamsModules) {
    const { service } = modules;
    this.#maxStreams = maxStreams;
    this.#modules = modules;
    this.#feed = new EventFeed(service);
    this.#unsubscribe = service.subscribe((event) => {
      if (event.type !== 'certificate' && event.type !== 'final') return;
      for (const stream of this.#streams.keys()) stream.wake();
    });
  }

  /** @throws RestError TOO_MANY_STREAMS, EVENTS_GONE */
  open(subscription: Subscription, lastEventId: string | undefined, source: string): Readable {
    this.#checkRoom(source);
    const { service, timers, log } = this.#modules;
    const position = lastEventId === undefined ? this.#now() : this.#resume(parseEventId(lastEventId));
    const modules = { service, feed: this.#feed, timers, log, lastCertified: () => this.#lastCertified() };
    const stream = new EventStream(modules, subscription, position);
    this.#streams.set(stream, { source });
    this.#modules.metrics.streams.set(this.#streams.size);
    return stream.start(() => {
      this.#streams.delete(stream);
      this.#modules.metrics.streams.set(this.#streams.size);
    });
  }

  stop(): void {
    this.#unsubscribe();
    for (const stream of this.#streams.keys()) stream.end('STOPPING', 'go on behind the last id, at another validator');
  }

  #checkRoom(source: string): void {
    if (this.#streams.size >= this.#maxStreams) throw tooMany(this.#maxStreams, 'at a time');
    const own = [...this.#streams.values()].filter((stream) => stream.source === source).length;
    if (own >= MAX_STREAMS_PER_SOURCE) throw tooMany(MAX_STREAMS_PER_SOURCE, 'from one range of addresses');
  }

  #lastCertified(): number {
    const latest = this.#modules.service.checkpoint('latest');
    return latest?.certificate === undefined ? 0 : latest.statement.index;
  }

  #now(): EventPosition {
    return { commit: this.#modules.service.chain.lastFinal, events: 0, checkpoint: this.#lastCertified() };
  }

  #resume(position: EventPosition): EventPosition {
    const { service } = this.#modules;
    const { contentFrom: oldest } = service.chain;
    if (position.commit + 1 < oldest)
      throw new RestError('EVENTS_GONE', `the oldest block kept here is ${oldest}`, { ...position, oldest });
    const kept = oldestCheckpoint(service, this.#lastCertified());
    return { ...position, checkpoint: Math.max(position.checkpoint, kept - 1) };
  }
}

export function eventHandlers(service: NodeService, streams: EventStreams): Pick<Handlers, 'getEvents'> {
  return {
    getEvents({ query, headers, source }) {
      const account = query.account === undefined ? undefined : findAccount(service, query.account).value.handle;
      const kinds = kindsOf(query.kinds, account !== undefined);
      const lastEventId = headers['last-event-id'] ?? query.after;
      return { status: 200, body: streams.open({ kinds, account }, lastEventId, source) };
    },
  };
}

function kindsOf(text: string | undefined, hasAccount: boolean): ReadonlySet<EventKind> {
  if (text === undefined) return new Set(EVENT_KINDS.filter((kind) => hasAccount || kind !== 'transfer'));
  const kinds = new Set(text.split(',') as EventKind[]);
  if (!kinds.has('transfer') || hasAccount) return kinds;
  throw new RestError('INVALID_QUERY', 'transfer events are those of one account', { parameter: 'account' });
}

function tooMany(limit: number, where: string): RestError {
  return new RestError('TOO_MANY_STREAMS', `at most ${limit} event streams ${where}`, { limit });
}
