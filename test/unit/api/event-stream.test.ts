import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { before, beforeEach, describe, it } from 'node:test';
import type { Subscription } from '../../../src/api/event-feed.ts';
import { EventStreams } from '../../../src/api/event-streams.ts';
import { apiMetrics } from '../../../src/api/metrics.ts';
import { DEFAULT_API_OPTIONS, HEARTBEAT_MS, MAX_STREAMS_PER_SOURCE, STALL_LIMIT_MS } from '../../../src/api/options.ts';
import { matches, Problem } from '../../../src/types/rest.ts';
import { EVENT_DATA, EVENT_KINDS, type EventKind } from '../../../src/types/rest-events.ts';
import { NO_INSTRUMENTS } from '../../../src/util/instruments.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { appliedBatch } from '../../support/applied.ts';
import { STUB_COMMIT, type StubNetwork, StubService, stubNetwork } from '../../support/stub-service.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

interface Event {
  readonly id: string;
  readonly name: string;
  readonly data: Record<string, unknown>;
}

let network: StubNetwork;
let service: StubService;
let time: VirtualTime;
let streams: EventStreams;

before(async () => {
  network = await stubNetwork();
});
beforeEach(() => {
  service = new StubService(network);
  time = new VirtualTime();
  streams = openStreams();
});

function openStreams(maxStreams = DEFAULT_API_OPTIONS.maxStreams): EventStreams {
  const metrics = apiMetrics(NO_INSTRUMENTS);
  return new EventStreams(maxStreams, { service, timers: time, log: SILENT_LOGGER, metrics });
}

function subscription(kinds: readonly EventKind[] = EVENT_KINDS, account?: number): Subscription {
  return { kinds: new Set(kinds), account };
}

/** Commits what `makeBatches` makes of the next commit, and tells the streams. */
function commit(makeBatches: (commit: number) => ReturnType<typeof appliedBatch>[] = () => [], count?: number): void {
  const batches = makeBatches(service.chain.lastFinal + 1);
  const index = service.chain.add(batches, count);
  service.emit({ type: 'final', commit: index });
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}

/** What can be read now, without waiting for more. */
async function readNow(stream: Readable): Promise<Event[]> {
  let text = '';
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  stream.on('data', take).resume();
  await turns();
  stream.off('data', take).pause();
  return text.split('\n\n').slice(0, -1).map(parseEvent);
}

function parseEvent(block: string): Event {
  const match = /^id: (.+)\nevent: (\w+)\ndata: (.+)$/.exec(block);
  assert.ok(match !== null, block);
  const [, eventId = '', name = '', data = ''] = match;
  const parsed = JSON.parse(data) as Event['data'];
  assert.ok(name in EVENT_DATA, name);
  assert.ok(matches(EVENT_DATA[name as keyof typeof EVENT_DATA], parsed), block);
  return { id: eventId, name, data: parsed };
}

const shown = (events: readonly Event[]): string[] => events.map(({ id, name }) => `${name} ${id}`);

describe('an event stream', () => {
  it('starts with where it is and carries each commit in the order of execution', async () => {
    const stream = streams.open(subscription(), undefined, 'here');
    assert.deepEqual(shown(await readNow(stream)), [`heartbeat ${STUB_COMMIT}.0.7`]);
    commit((index) => [
      appliedBatch({ commit: index, position: 0, sender: 0, recipients: [1] }),
      appliedBatch({ commit: index, position: 2, sender: 1, recipients: [0] }),
    ]);
    commit();
    assert.deepEqual(shown(await readNow(stream)), [
      'transaction 812.1.7',
      'transaction 812.5.7',
      'block 813.0.7',
      'block 814.0.7',
    ]);
  });

  it('goes on behind the last id without a gap and without a repetition, from any event on', async () => {
    const batches = (index: number) =>
      [0, 1, 2].map((position) => appliedBatch({ commit: index, position, sender: position, recipients: [1, 9] }));
    commit(batches);
    commit(batches);
    const start = `${STUB_COMMIT}.0.6`;
    const all = (await readNow(streams.open(subscription(EVENT_KINDS, 1), start, 'here'))).filter(isNews);
    assert.deepEqual(shown(all), [
      ...['checkpoint 812.0.7', 'transfer 812.2.7', 'transaction 812.3.7', 'transfer 812.4.7', 'transfer 812.6.7'],
      ...['block 813.0.7', 'transfer 813.2.7', 'transaction 813.3.7', 'transfer 813.4.7', 'transfer 813.6.7'],
      'block 814.0.7',
    ]);
    for (const [i, { id }] of all.entries()) {
      const rest = await readNow(streams.open(subscription(EVENT_KINDS, 1), id, 'there'));
      assert.deepEqual(rest.filter(isNews), all.slice(i + 1), `behind ${id}`);
    }
  });

  it('carries the transfers that were made to the account, and only those', async () => {
    const stream = streams.open(subscription(['transfer'], 5), undefined, 'here');
    const amounts = [10n, 20n, 30n];
    const bitmap = Uint8Array.of(0b011);
    commit((index) => [
      appliedBatch({ commit: index, position: 0, sender: 0, recipients: [5, 6, 5], amounts }),
      appliedBatch({ commit: index, position: 1, sender: 0, recipients: [5, 6, 5], amounts, code: 'PARTIAL', bitmap }),
      appliedBatch({ commit: index, position: 2, sender: 0, recipients: [5], code: 'UNKNOWN_RECIPIENT' }),
      appliedBatch({ commit: index, position: 3, sender: 5, recipients: [6] }),
    ]);
    const [, whole, part, ...others] = await readNow(stream);
    assert.deepEqual(others, []);
    assert.equal(whole?.data.total, '40');
    assert.deepEqual(whole?.data.transfers, [
      { index: 0, amount: '10' },
      { index: 2, amount: '30' },
    ]);
    assert.deepEqual(part?.data.transfers, [{ index: 0, amount: '10' }]);
  });

  it('tells of a certificate once its commit was sent', async () => {
    const { statement } = network.checkpoint;
    const behind = `${statement.commitIndex - 1}.0.6`;
    service.chain.oldest = statement.commitIndex;
    const stream = streams.open(subscription(['checkpoint', 'block']), behind, 'here');
    const names = (await readNow(stream)).map(({ name }) => name);
    assert.deepEqual(names.slice(0, 3), ['heartbeat', 'block', 'checkpoint']);
  });

  it('says where it is when there is no news', async () => {
    const stream = streams.open(subscription(['checkpoint']), undefined, 'here');
    commit();
    await readNow(stream);
    time.advance(HEARTBEAT_MS);
    const [beat, ...others] = await readNow(stream);
    assert.deepEqual(others, []);
    assert.deepEqual(beat?.data, { commit: STUB_COMMIT + 1 });
    assert.equal(beat?.id, '813.0.7');
  });

  it('cuts a slow reader off, tells it so last, and misses nothing behind its last id', async () => {
    const many = (index: number) =>
      Array.from({ length: 2_000 }, (_, position) =>
        appliedBatch({ commit: index, position, sender: 0, recipients: [1] }),
      );
    const stream = streams.open(subscription(['transaction']), undefined, 'here');
    commit(many);
    await turns();
    time.advance(STALL_LIMIT_MS);
    await turns();
    const read = await readNow(stream);
    const last = read.at(-1);
    assert.equal(last?.name, 'end');
    assert.ok(matches(Problem, last?.data));
    assert.equal(last?.data.code, 'SLOW_READER');
    assert.equal(last?.data.fields.lastEventId, last?.id);
    assert.ok(read.length > 100 && read.length < 1_900, `${read.length} events were under way`);
    const rest = await readAll(streams.open(subscription(['transaction']), last?.id, 'here'));
    const ids = [...read.filter(isNews), ...rest.filter(isNews)].map(({ data }) => data.id);
    assert.equal(ids.length, 2_000);
    assert.equal(new Set(ids).size, 2_000);
  });

  it('closes a connection whose reader does not even take the end', async () => {
    const stream = streams.open(subscription(), undefined, 'here');
    commit((index) =>
      Array.from({ length: 2_000 }, (_, position) =>
        appliedBatch({ commit: index, position, sender: 0, recipients: [1] }),
      ),
    );
    await turns();
    time.advance(STALL_LIMIT_MS);
    await turns();
    assert.equal(stream.destroyed, false);
    time.advance(STALL_LIMIT_MS);
    assert.equal(stream.destroyed, true);
  });

  it('ends when what it has to send is no longer kept', async () => {
    const stream = streams.open(subscription(), undefined, 'here');
    await readNow(stream);
    service.chain.oldest = STUB_COMMIT + 2;
    commit();
    const [end] = await readNow(stream);
    assert.equal(end?.name, 'end');
    assert.equal(end?.data.code, 'EVENTS_GONE');
  });

  it('ends when the node stops', async () => {
    const stream = streams.open(subscription(), undefined, 'here');
    await readNow(stream);
    streams.stop();
    const [end] = await readNow(stream);
    assert.equal(end?.data.code, 'STOPPING');
    assert.equal(service.listeners, 0);
  });
});

describe('event streams', () => {
  it('are so many at most, and so many from one place', () => {
    const few = openStreams(2);
    const first = few.open(subscription(), undefined, 'here');
    few.open(subscription(), undefined, 'there');
    const refusal = { code: 'TOO_MANY_STREAMS', fields: { limit: 2 } };
    assert.throws(() => few.open(subscription(), undefined, 'elsewhere'), refusal);
    first.destroy();
    return turns().then(() => {
      few.open(subscription(), undefined, 'elsewhere');
      for (let i = 0; i < MAX_STREAMS_PER_SOURCE; i++) streams.open(subscription(), undefined, 'here');
      const fields = { limit: MAX_STREAMS_PER_SOURCE };
      assert.throws(() => streams.open(subscription(), undefined, 'here'), { code: 'TOO_MANY_STREAMS', fields });
      streams.open(subscription(), undefined, 'there');
    });
  });

  it('do not start before what is kept', () => {
    const fields = { commit: 810, events: 3, checkpoint: 2, oldest: STUB_COMMIT };
    assert.throws(() => streams.open(subscription(), '810.3.2', 'here'), { code: 'EVENTS_GONE', fields });
    streams.open(subscription(), '811.0.2', 'here');
  });
});

function isNews({ name }: Event): boolean {
  return name !== 'heartbeat' && name !== 'end';
}

async function readAll(stream: Readable): Promise<Event[]> {
  const events: Event[] = [];
  for (let more = await readNow(stream); more.length > 0; more = await readNow(stream)) events.push(...more);
  return events;
}
