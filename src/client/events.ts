import { Problem, type Transaction } from '../types/rest.ts';
import type { BlockSummary, CheckpointSummary } from '../types/rest-chain.ts';
import { EVENT_DATA, type EventKind, type ReceivedTransfers } from '../types/rest-events.ts';
import { errorText } from '../util/errors.ts';
import type { Timers } from '../util/timers.ts';
import { hasShape } from './answer-shape.ts';
import { Av10ApiError } from './errors.ts';
import { parseEvents, type ServerEvent } from './event-parser.ts';
import type { OpenedStream, OpenStream } from './open-stream.ts';

export interface EventSubscription {
  /** All unless given; `transfer` needs an account. */
  readonly kinds?: readonly EventKind[];
  /** Address or handle: its own transactions, and the transfers that reach it. */
  readonly account?: string | number;
  /** The id of the last event that was seen; without it the stream starts now. */
  readonly after?: string;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** `id` is where to go on: everything up to this event was seen. */
export type ChainEvent =
  | { readonly id: string; readonly kind: 'block'; readonly data: BlockSummary }
  | { readonly id: string; readonly kind: 'transaction'; readonly data: Transaction }
  | { readonly id: string; readonly kind: 'transfer'; readonly data: ReceivedTransfers }
  | { readonly id: string; readonly kind: 'checkpoint'; readonly data: CheckpointSummary };

export interface EventSource {
  /** Base URLs, the one to ask first in front. */
  urls(): readonly string[];
  readonly openStream: OpenStream;
  readonly timers: Timers;
}

/** Three heartbeats of a validator without one of them: the connection is dead. */
const SILENCE_LIMIT_MS = 45_000;
const MIN_RETRY_MS = 250;
/** No honest refusal is longer. */
const MAX_PROBLEM_CHARS = 64 * 1024;
const MAX_RETRY_MS = 10_000;

/** Goes on behind the last event after every break, at the next validator. */
export async function* followEvents(
  source: EventSource,
  subscription: EventSubscription,
): AsyncGenerator<ChainEvent, void> {
  const { signal } = subscription;
  let last = subscription.after;
  let retryMs = MIN_RETRY_MS;
  const isOver = (): boolean => signal?.aborted === true;
  for (let turn = 0; !isOver(); turn++) {
    const urls = source.urls();
    const base = urls[turn % urls.length] as string;
    const connection = new Connection(source, signal);
    try {
      for await (const event of connection.events(base + pathOf(subscription, last))) {
        last = event.id;
        retryMs = MIN_RETRY_MS;
        const known = chainEvent(event);
        if (known !== undefined) yield known;
      }
    } catch (error) {
      // What does not exist may come to be, but not because it is asked for again and again.
      if (error instanceof Av10ApiError && (!error.retryable || error.status === 404)) throw error;
    } finally {
      connection.close();
    }
    if (isOver()) return;
    await pause(source.timers, retryMs, signal);
    retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
  }
}

/** One answer of one validator, given up when nothing comes. */
class Connection {
  readonly #source: EventSource;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;

  constructor(source: EventSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
  }

  /** @throws Av10ApiError for the problem that is answered instead, or at the end */
  async *events(url: string): AsyncGenerator<ServerEvent> {
    const stream = await this.#watched(() => this.#source.openStream(url, this.#signal));
    if (stream.status !== 200) throw await refusal(stream);
    const events = parseEvents(stream.chunks);
    for (;;) {
      const next = await this.#watched(() => events.next());
      if (next.done === true) return;
      if (next.value.name === 'end') throw problemError(next.value.data);
      yield next.value;
    }
  }

  close(): void {
    this.#abort.abort();
  }

  async #watched<T>(action: () => Promise<T>): Promise<T> {
    const fuse = this.#source.timers.after(SILENCE_LIMIT_MS, () => this.#abort.abort());
    try {
      return await action();
    } catch (error) {
      if (error instanceof Av10ApiError) throw error;
      throw new Av10ApiError('UNREACHABLE', errorText(error), {}, { retryable: true });
    } finally {
      fuse.cancel();
    }
  }
}

/** Nothing for events of a kind that a newer validator added, and for heartbeats, whose ids count all the same. */
function chainEvent({ id, name, data }: ServerEvent): ChainEvent | undefined {
  if (name !== 'block' && name !== 'transaction' && name !== 'transfer' && name !== 'checkpoint') return undefined;
  const value: unknown = parseJson(data);
  if (hasShape(EVENT_DATA[name], value)) return { id, kind: name, data: value } as ChainEvent;
  throw new Av10ApiError('MALFORMED_ANSWER', `an event ${name} of another shape`, { path: '/v1/events' });
}

async function refusal({ status, chunks }: OpenedStream): Promise<Av10ApiError> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_PROBLEM_CHARS) break;
  }
  const error = problemError(text);
  // As for every route: from 500 on another validator may serve.
  return status >= 500 ? new Av10ApiError(error.code, error.detail, error.fields, { status, retryable: true }) : error;
}

function problemError(text: string): Av10ApiError {
  const value = parseJson(text);
  if (hasShape(Problem, value)) return Av10ApiError.fromProblem(value);
  return new Av10ApiError('UNREACHABLE', 'an answer that is no problem of the API', {}, { retryable: true });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // of no shape
  }
}

function pathOf({ kinds, account }: EventSubscription, after: string | undefined): string {
  const query = new URLSearchParams();
  if (kinds !== undefined) query.set('kinds', kinds.join(','));
  if (account !== undefined) query.set('account', String(account));
  if (after !== undefined) query.set('after', after);
  return query.size === 0 ? '/v1/events' : `/v1/events?${query}`;
}

function pause(timers: Timers, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  const timer = timers.after(delayMs, done);
  signal?.addEventListener('abort', done);
  return promise.finally(() => {
    timer.cancel();
    signal?.removeEventListener('abort', done);
  });
}
