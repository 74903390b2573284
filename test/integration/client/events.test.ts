import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Api } from '../../../src/api/index.ts';
import { Av10Client, type ChainEvent } from '../../../src/client/index.ts';
import { testApi } from '../../support/api-requests.ts';
import { appliedBatch } from '../../support/applied.ts';
import { eventually } from '../../support/eventually.ts';
import { STUB_COMMIT, type StubNetwork, StubService, stubNetwork } from '../../support/stub-service.ts';

let network: StubNetwork;
let service: StubService;
const apis: Api[] = [];

before(async () => {
  network = await stubNetwork();
});
beforeEach(() => {
  service = new StubService(network);
});
after(async () => {
  for (const api of apis) await api.stop();
});

/** One chain, served by two validators. */
async function serve(): Promise<{ api: Api; url: string }> {
  const api = testApi(service);
  apis.push(api);
  return { api, url: await api.start() };
}

function commit(): void {
  const index = service.chain.lastFinal + 1;
  service.chain.add([appliedBatch({ commit: index, position: 0, sender: 0, recipients: [1, 1] })]);
  service.emit({ type: 'final', commit: index });
}

async function take(events: AsyncGenerator<ChainEvent>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const next = await events.next();
    assert.ok(next.done !== true);
    taken.push(`${next.value.kind} ${next.value.id}`);
  }
  return taken;
}

describe('the event iterator', () => {
  it('yields what becomes final, checked and typed', async () => {
    const { url } = await serve();
    const events = new Av10Client({ urls: [url] }).events({ account: 1, kinds: ['transfer'] });
    const first = events.next();
    await eventually(() => service.listeners > 0, 'a stream');
    // The stream starts at the commit where it was opened: only what comes later is news.
    const feeding = setInterval(commit, 20);
    const { value } = await first;
    clearInterval(feeding);
    assert.ok(value?.kind === 'transfer');
    assert.equal(value.data.total, '2');
    assert.equal(value.data.to, 1);
    await events.return();
  });

  it('goes on at another validator, behind its last event', async () => {
    const [first, second] = [await serve(), await serve()];
    commit();
    commit();
    const client = new Av10Client({ urls: [first.url, second.url] });
    const events = client.events({ after: `${STUB_COMMIT}.0.7`, kinds: ['transaction', 'block'] });
    assert.deepEqual(await take(events, 3), ['transaction 812.1.7', 'block 813.0.7', 'transaction 813.1.7']);
    await first.api.stop();
    commit();
    assert.deepEqual(await take(events, 3), ['block 814.0.7', 'transaction 814.1.7', 'block 815.0.7']);
    await events.return();
  });

  it('throws what no validator will serve', async () => {
    const { url } = await serve();
    const client = new Av10Client({ urls: [url] });
    await assert.rejects(client.events({ after: '5.0.0' }).next(), { code: 'EVENTS_GONE' });
    await assert.rejects(client.events({ kinds: ['transfer'] }).next(), { code: 'INVALID_QUERY' });
    await assert.rejects(client.events({ account: 77 }).next(), { code: 'ACCOUNT_UNKNOWN', retryable: true });
  });

  it('ends with its signal, also while it waits for a validator', async () => {
    const client = new Av10Client({ urls: ['http://127.0.0.1:1'] });
    const abort = new AbortController();
    const next = client.events({ signal: abort.signal }).next();
    abort.abort();
    assert.deepEqual(await next, { done: true, value: undefined });
  });

  it('gives up a connection on which nothing comes, and asks again', async () => {
    let requests = 0;
    const silent = createServer((_request, response) => {
      requests += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    });
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const abort = new AbortController();
    const timers = {
      after(delayMs: number, callback: () => void) {
        const handle = setTimeout(callback, delayMs / 1_000);
        return { cancel: () => clearTimeout(handle) };
      },
    };
    const next = new Av10Client({ urls: [url] }, { timers }).events({ signal: abort.signal }).next();
    await eventually(() => requests >= 3, 'three connections');
    abort.abort();
    await next;
    silent.closeAllConnections();
    silent.close();
  });
});
