import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import { type Answer, ENDPOINTS, type Endpoint, type OperationId } from '../../../src/api/endpoints.ts';
import type { Api } from '../../../src/api/index.ts';
import { markVerified } from '../../../src/types/block.ts';
import { matches } from '../../../src/types/rest.ts';
import { MAX_PAGE_ITEMS, MAX_PAGE_TRANSFERS } from '../../../src/types/rest-chain.ts';
import { assertProblem, testApi } from '../../support/api-requests.ts';
import { appliedBatch } from '../../support/applied.ts';
import { STUB_COMMIT, type StubNetwork, StubService, stubNetwork } from '../../support/stub-service.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

let network: StubNetwork;
let service: StubService;
let api: Api;

before(async () => {
  network = await stubNetwork();
});
beforeEach(() => {
  service = new StubService(network);
  api = testApi(service);
});

async function answered<Id extends OperationId>(operation: Id, url: string): Promise<Answer<Id>['body']> {
  const response = await api.inject({ url });
  assert.equal(response.statusCode, 200, response.body);
  const body: unknown = JSON.parse(response.body);
  const schema = (ENDPOINTS[operation] as Endpoint).answers[200];
  assert.ok(schema !== undefined && matches(schema, body), `${operation} answered ${response.body}`);
  return body as Answer<Id>['body'];
}

/** A final batch of the stub's chain. */
function addBatch(facts: Partial<Parameters<typeof appliedBatch>[0]> = {}): string {
  const batch = appliedBatch({
    ...{ commit: STUB_COMMIT + 1, position: 0, sender: 0, recipients: [1, 2, 3], amounts: [10n, 20n, 30n] },
    ...facts,
  });
  service.chain.add([batch]);
  service.put({ id: batch.receipt.id, level: 'final', receipt: batch.receipt });
  return batch.receipt.id;
}

describe('GET /v1/transactions/{id}/transfers', () => {
  it('lists the transfers of a batch with whether each was made', async () => {
    const id = addBatch({ code: 'PARTIAL', bitmap: Uint8Array.of(0b101) });
    assert.deepEqual(await answered('getTransfers', `/v1/transactions/${id}/transfers`), {
      ...{ commit: STUB_COMMIT + 1, id, from: 0, asset: 0, atomic: false, count: 3, next: null },
      transfers: [
        { index: 0, to: 1, amount: '10', made: true },
        { index: 1, to: 2, amount: '20', made: false },
        { index: 2, to: 3, amount: '30', made: true },
      ],
    });
  });

  it('says of a batch that failed that none was made', async () => {
    const id = addBatch({ code: 'INSUFFICIENT_BALANCE' });
    const { transfers } = await answered('getTransfers', `/v1/transactions/${id}/transfers`);
    assert.deepEqual(
      transfers.map(({ made }) => made),
      [false, false, false],
    );
  });

  it('gives a page at a time', async () => {
    const id = addBatch({ recipients: Array.from({ length: 2_500 }, (_, i) => i + 1), amounts: Array(2_500).fill(1n) });
    const first = await answered('getTransfers', `/v1/transactions/${id}/transfers`);
    assert.deepEqual([first.transfers.length, first.count, first.next], [MAX_PAGE_TRANSFERS, 2_500, 1_000]);
    const last = await answered('getTransfers', `/v1/transactions/${id}/transfers?from=2400&limit=500`);
    assert.deepEqual([last.transfers.length, last.transfers[0]?.index, last.next], [100, 2_400, null]);
    const beyond = await answered('getTransfers', `/v1/transactions/${id}/transfers?from=9000`);
    assert.deepEqual([beyond.transfers, beyond.next], [[], null]);
    const tooMany = await api.inject({ url: `/v1/transactions/${id}/transfers?limit=1001` });
    assertProblem(tooMany, 'INVALID_QUERY', { parameter: 'limit', limit: MAX_PAGE_TRANSFERS });
  });

  it('answers one of them', async () => {
    const id = addBatch();
    const { transfer } = await answered('getTransfer', `/v1/transactions/${id}/transfers/1`);
    assert.deepEqual(transfer, { index: 1, to: 2, amount: '20', made: true });
    assertProblem(await api.inject({ url: `/v1/transactions/${id}/transfers/3` }), 'TRANSFER_UNKNOWN', {
      index: 3,
      count: 3,
    });
  });

  it('tells apart what is unknown, not final, and no longer kept', async () => {
    const id = 'ab'.repeat(32);
    const url = `/v1/transactions/${id}/transfers`;
    assertProblem(await api.inject({ url }), 'TRANSACTION_UNKNOWN', { id });
    service.reach(id as never, 'accepted');
    assertProblem(await api.inject({ url }), 'CONTENT_UNKNOWN', { id, level: 'accepted' });
    service.reach(id as never, 'final');
    assertProblem(await api.inject({ url }), 'CONTENT_UNKNOWN', { level: 'final', oldest: STUB_COMMIT });
  });
});

describe('GET /v1/blocks', () => {
  it('gives the newest, a range, and those of a round', async () => {
    for (let i = 0; i < 4; i++) service.chain.add([]);
    const newest = await answered('getBlocks', '/v1/blocks?limit=2');
    assert.deepEqual([newest.blocks.map(({ height }) => height), newest.next, newest.commit], [[815, 816], null, 816]);
    const range = await answered('getBlocks', '/v1/blocks?from=812&limit=3');
    assert.deepEqual([range.blocks.map(({ height }) => height), range.next], [[812, 813, 814], 815]);
    const before = await answered('getBlocks', '/v1/blocks?from=0&limit=1');
    assert.deepEqual([before.blocks[0]?.height, before.oldest], [812, 812]);
    const round = await answered('getBlocks', '/v1/blocks?round=2431');
    assert.deepEqual(
      round.blocks.map(({ height }) => height),
      [812],
    );
    assert.deepEqual((await answered('getBlocks', '/v1/blocks?round=2432')).blocks, []);
    assert.deepEqual((await answered('getBlocks', '/v1/blocks?from=9007199254740991')).blocks, []);
  });

  it('refuses what cannot be meant', async () => {
    for (const [query, parameter] of [
      ['round=1&from=2', 'round'],
      ['from=9007199254740992', 'from'],
      [`limit=${MAX_PAGE_ITEMS + 1}`, 'limit'],
      ['limit=0', 'limit'],
      ['from=-1', 'from'],
    ]) {
      assertProblem(await api.inject({ url: `/v1/blocks?${query}` }), 'INVALID_QUERY', { parameter });
    }
  });
});

describe('GET /v1/checkpoints', () => {
  it('lists those that are kept', async () => {
    const all = await answered('getCheckpoints', '/v1/checkpoints');
    assert.deepEqual(
      all.checkpoints.map(({ index, certified }) => [index, certified]),
      [[7, true]],
    );
    assert.equal(all.next, null);
    const later = await answered('getCheckpoints', '/v1/checkpoints?from=8');
    assert.deepEqual(later.checkpoints, []);
  });
});

describe('GET /v1/statistics', () => {
  it('counts, and says since when', async () => {
    const { commit, since, commits, transactions, accounts } = await answered('getStatistics', '/v1/statistics');
    assert.deepEqual({ commit, since, commits, accounts }, { commit: 812, since: 800, commits: 12, accounts: 2 });
    assert.deepEqual(transactions, { applied: 20, dropped: 1, waiting: 1 });
  });
});

describe('GET /v1/evidence', () => {
  it('gives both signed headers', async () => {
    assert.deepEqual((await answered('getEvidence', '/v1/evidence')).evidence, []);
    const header = (byte: number) => {
      const ref = { round: 9, author: 2, id: `${byte}${byte}`.repeat(32) as never };
      const content = { version: 1, epoch: 1, round: 9, author: 2, timestampMs: 0, executedCommit: 0 } as const;
      const payload = { digest: ref.id, bytes: 0, txCount: 0 };
      const bytes = Uint8Array.of(byte);
      return markVerified({ ...content, ref, ancestors: [], attestations: [], payload, bytes, signature: bytes });
    };
    service.proofs = [{ first: header(1), second: header(2) }];
    const { evidence } = await answered('getEvidence', '/v1/evidence');
    assert.deepEqual(evidence, [
      {
        ...{ author: 2, name: service.committee.member(2).name, epoch: 1, round: 9 },
        first: { id: '11'.repeat(32), header: '01', signature: '01' },
        second: { id: '22'.repeat(32), header: '02', signature: '02' },
      },
    ]);
  });
});

describe('GET /v1/events', () => {
  it('refuses before it starts what it will not send', async () => {
    const events = (query: string, headers = {}) => api.inject({ url: `/v1/events${query}`, headers });
    assertProblem(await events('?kinds=transfer'), 'INVALID_QUERY', { parameter: 'account' });
    assertProblem(await events('?kinds=blocks'), 'INVALID_QUERY', { parameter: 'kinds' });
    assertProblem(await events('?after=5'), 'INVALID_QUERY', { parameter: 'after' });
    assertProblem(await events('', { 'last-event-id': 'x' }), 'INVALID_HEADER', { header: 'last-event-id' });
    assertProblem(await events('', { 'last-event-id': '5.0.0' }), 'EVENTS_GONE', { oldest: STUB_COMMIT });
    assertProblem(await events('?account=99'), 'ACCOUNT_UNKNOWN', { account: '99' });
    const head = await api.inject({ method: 'HEAD', url: '/v1/events' });
    assert.equal(head.statusCode, 405);
  });
});

describe('answers that may be kept', () => {
  for (const url of ['/v1/network', '/v1/openapi.json', '/v1/docs', `/v1/blocks/${STUB_COMMIT}`, '/v1/checkpoints/7']) {
    it(`${url} is not sent again while it is the same`, async () => {
      const first = await api.inject({ url });
      const { etag, 'cache-control': cacheControl } = first.headers;
      assert.match(String(etag), /^"[A-Za-z0-9_-]{22}"$/);
      assert.equal(cacheControl, 'no-cache');
      for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await api.inject({ url, headers: { 'if-none-match': String(tag) } });
        assert.equal(again.statusCode, 304, String(tag));
        assert.equal(again.body, '');
        assert.equal(again.headers.etag, etag);
      }
      const other = await api.inject({ url, headers: { 'if-none-match': '"other"' } });
      assert.equal(other.body, first.body);
    });
  }

  it('nothing else may be', async () => {
    for (const url of ['/health', '/v1/status', '/v1/accounts/0', '/v1/validators']) {
      const { headers } = await api.inject({ url });
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers.etag, undefined);
    }
  });
});

describe('the page of the API', () => {
  it('shows every route and shape, and loads and runs nothing', async () => {
    const { body, headers } = await api.inject({ url: '/v1/docs' });
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
    assert.doesNotMatch(body, /<script|src=|@import|url\(/);
    for (const operation of Object.keys(ENDPOINTS)) assert.ok(body.includes(`id="${operation}"`), operation);
    const targets = new Set([...body.matchAll(/ id="(\w+)"/g)].map(([, id]) => id));
    for (const [, target] of body.matchAll(/href="#(\w+)"/g)) assert.ok(targets.has(target ?? ''), String(target));
  });
});

describe('the rate limit', () => {
  const LIMIT = { requestsPerSecond: 10, trustedSources: ['10.0.0.0/24'] };
  const from = (remoteAddress: string) => api.inject({ url: '/live', remoteAddress });

  it('refuses a range of addresses beyond its burst, says when to come again, and touches no other', async () => {
    const time = new VirtualTime();
    api = testApi(service, LIMIT, { clock: time });
    for (let i = 0; i < 20; i++) assert.equal((await from(`192.0.2.${i}`)).statusCode, 200);
    const response = await from('192.0.2.99');
    const problem = assertProblem(response, 'RATE_LIMITED', { retryAfterMs: 100 });
    assert.equal(problem.retryAfterMs, 100);
    assert.equal(response.headers['retry-after'], '1');
    assert.equal((await from('198.51.100.1')).statusCode, 200);
    time.advance(100);
    assert.equal((await from('192.0.2.99')).statusCode, 200);
    assertProblem(await from('192.0.2.99'), 'RATE_LIMITED');
  });

  it('is none for trusted sources', async () => {
    api = testApi(service, LIMIT);
    for (let i = 0; i < 100; i++) assert.equal((await from('10.0.0.7')).statusCode, 200);
  });
});
