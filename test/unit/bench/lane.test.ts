import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Api } from '../../../bench/cluster/api.ts';
import { Lane } from '../../../bench/cluster/lane.ts';
import { Schedule } from '../../../bench/cluster/schedule.ts';
import { LiveSource, type SignAt, StreamSource, type TransactionSource } from '../../../bench/cluster/sources.ts';
import { ByteReader } from '../../../src/util/byte-reader.ts';
import { isCoded } from '../../../src/util/errors.ts';

/** A body that names sender and nonce, and no real signature. */
const signed: SignAt = async (sender, nonce) => ({
  body: Uint8Array.of(sender, nonce),
  signature: new Uint8Array(40_000),
});
const OPTIONS = { senders: 2, window: 64, sampleEvery: 4, gatherMs: 0 };
const AT_ONCE = Number.POSITIVE_INFINITY;

interface Refusal {
  readonly code: string;
  readonly retryable: boolean;
}

/** Stands for a validator: what it accepts is final at once. `refuse` is asked before each acceptance. */
class StubApi {
  readonly taken: string[] = [];
  readonly #refuse: (name: string) => Refusal | undefined;

  constructor(refuse: (name: string) => Refusal | undefined = () => undefined) {
    this.#refuse = refuse;
  }

  async submit(body: Uint8Array) {
    const results: object[] = [];
    for (const reader = new ByteReader(body); reader.remaining > 0; ) {
      const item = reader.bytes(reader.u32('length'), 'item');
      const name = `${item[0]}/${item[1]}`;
      const refusal = this.#refuse(name);
      if (refusal === undefined) this.taken.push(name);
      results.push(
        refusal === undefined
          ? { id: name, status: 'accepted' }
          : { id: name, status: 'refused', problem: { ...refusal, retryAfterMs: 1 } },
      );
    }
    return { results };
  }

  async waitFinal(id: string) {
    return { id, level: 'final', receipt: { commit: this.taken.indexOf(id) + 1 } };
  }
}

async function stream(count: number, use: (source: StreamSource) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'av10-lane-'));
  const source = await StreamSource.create(join(folder, 'stream.bin'), 2, signed);
  try {
    await source.prepare(count);
    await use(source);
  } finally {
    await source.close();
    await rm(folder, { recursive: true });
  }
}

function lane(api: StubApi, source: TransactionSource): Lane {
  return new Lane(api as unknown as Api, source, OPTIONS);
}

test('a stream of more than one buffer gives back what was signed, senders in turns', async () => {
  const count = 250; // 10 MB, in reads of 4 MiB
  await stream(count, async (source) => {
    const items = [...(await source.take(100)), ...(await source.take(1_000))];
    assert.equal(items.length, count);
    for (const [i, { sender, nonce, framed }] of items.entries()) {
      assert.deepEqual([sender, nonce], [i % 2, Math.floor(i / 2)]);
      assert.deepEqual([...framed.subarray(4, 6)], [sender, nonce]);
      assert.equal(framed.length, 4 + 2 + 40_000);
    }
    assert.deepEqual(await source.take(1), []);
  });
});

test('live signing keeps the turns', async () => {
  const source = new LiveSource(2, signed);
  await source.prepare();
  const items = [...(await source.take(3)), ...(await source.take(3))];
  assert.deepEqual(
    items.map(({ sender, nonce }) => [sender, nonce]),
    [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
      [0, 2],
      [1, 2],
    ],
  );
});

test('every accepted transaction is settled by the drain, sampled or not', async () => {
  await stream(61, async (source) => {
    const api = new StubApi();
    const load = lane(api, source);
    const isComplete = await load.run(new Schedule(performance.now(), AT_ONCE), performance.now() + 60_000);
    await load.drain();
    assert.equal(isComplete, false, 'the stream ended first');
    assert.deepEqual(load.counts, { accepted: 61, final: 61, dropped: 0, retried: 0 });
    assert.deepEqual([...load.accepted], [31, 30]);
    assert.equal(load.takeLatencies().length, 15, '8 of sender 0 (0, 4, ... 28), 7 of sender 1 (3, 7, ... 27)');
  });
});

test('a refusal that may pass is repeated and counted, and nothing is lost', async () => {
  let refusals = 0;
  const api = new StubApi((name) => (name === '0/1' && refusals++ < 3 ? { code: 'BUSY', retryable: true } : undefined));
  await stream(6, async (source) => {
    const load = lane(api, source);
    await load.run(new Schedule(performance.now(), AT_ONCE), performance.now() + 60_000);
    await load.drain();
    assert.deepEqual(load.counts, { accepted: 6, final: 6, dropped: 0, retried: 3 });
    assert.equal(api.taken.filter((name) => name === '0/1').length, 1);
  });
});

test('a refusal for good ends the benchmark with its code', async () => {
  const api = new StubApi((name) => (name === '1/0' ? { code: 'EXPIRED', retryable: false } : undefined));
  await stream(2, async (source) => {
    const load = lane(api, source);
    await load.run(new Schedule(performance.now(), AT_ONCE), performance.now() + 60_000);
    await assert.rejects(
      load.drain(),
      (error) => isCoded(error, 'BENCH_REFUSED') && error.fields.refusal === 'EXPIRED',
    );
  });
});
