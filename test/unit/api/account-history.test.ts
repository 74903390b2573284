import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { AccountHistory, type HistoryQuery, parseCursor } from '../../../src/api/account-history.ts';
import type { Api } from '../../../src/api/index.ts';
import {
  ARCHIVE_RETRY_MS,
  HISTORY_BLOCK_BYTES,
  HISTORY_BURST_BYTES,
  HISTORY_BYTES_PER_SECOND,
  INDEX_RETRY_MS,
  MAX_HISTORY_BLOCKS,
} from '../../../src/api/options.ts';
import type { ArchivedPart, ArchiveLookup } from '../../../src/storage/index.ts';
import { type Address, id } from '../../../src/types/ids.ts';
import { matches } from '../../../src/types/rest.ts';
import { AccountTransactions, MAX_PAGE_ITEMS } from '../../../src/types/rest-chain.ts';
import { assertProblem, testApi } from '../../support/api-requests.ts';
import { appliedBatch, type BatchFacts } from '../../support/applied.ts';
import { STUB_COMMIT, type StubNetwork, StubService, stubNetwork } from '../../support/stub-service.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const START_MS = 1_700_000_101_000;

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

/** The next block, with a batch for each of these facts. */
function addBlock(...batches: readonly Pick<BatchFacts, 'sender' | 'recipients' | 'code' | 'bitmap'>[]): string[] {
  const commit = service.chain.lastFinal + 1;
  const applied = batches.map((facts, position) => appliedBatch({ ...facts, commit, position }));
  service.chain.add(applied);
  return applied.map(({ receipt }) => receipt.id);
}

async function history(query = '', account: string | number = 0): Promise<AccountTransactions> {
  const response = await api.inject({ url: `/v1/accounts/${account}/transactions${query}` });
  assert.equal(response.statusCode, 200, response.body);
  const body: unknown = JSON.parse(response.body);
  assert.ok(matches(AccountTransactions, body), response.body);
  return body;
}

const idsOf = ({ transactions }: AccountTransactions): string[] => transactions.map(({ id }) => id);

describe('GET /v1/accounts/{account}/transactions', () => {
  it('lists what the account sent and received, the newest first', async () => {
    const [sent] = addBlock({ sender: 0, recipients: [1, 1] });
    addBlock({ sender: 1, recipients: [7, 8] });
    const [received, both] = addBlock({ sender: 1, recipients: [0, 7, 0] }, { sender: 0, recipients: [0] });
    const { transactions, ...facts } = await history();
    assert.deepEqual(facts, { commit: 815, account: 0, oldest: STUB_COMMIT, next: null });
    const common = { kind: 'transfer-batch', code: 'OK', fee: '0' };
    const third = { ...common, commit: 815, timeMs: START_MS + 3 };
    assert.deepEqual(transactions, [
      { ...third, id: both, sender: 0, sent: true, received: { asset: 0, total: '1', transfers: 1 } },
      { ...third, id: received, sender: 1, sent: false, received: { asset: 0, total: '2', transfers: 2 } },
      { ...common, commit: 813, timeMs: START_MS + 1, id: sent, sender: 0, sent: true, received: null },
    ]);
    assert.deepEqual(idsOf(await history('', network.accounts[0]?.address)), idsOf(await history()));
  });

  it('lists of a partial batch what was made, and of a failed one only its sender', async () => {
    const [partial] = addBlock({ sender: 1, recipients: [0, 7, 0], code: 'PARTIAL', bitmap: Uint8Array.of(0b100) });
    const [failed] = addBlock({ sender: 1, recipients: [0], code: 'INSUFFICIENT_BALANCE' });
    addBlock({ sender: 1, recipients: [0, 7], code: 'PARTIAL', bitmap: Uint8Array.of(0b10) });
    const own = await history();
    assert.deepEqual(idsOf(own), [partial]);
    assert.deepEqual(own.transactions[0]?.received, { asset: 0, total: '1', transfers: 1 });
    assert.ok(idsOf(await history('', 1)).includes(failed as string));
  });

  it('takes a time, a kind and a counterparty', async () => {
    const [first] = addBlock({ sender: 0, recipients: [1] });
    const [second] = addBlock({ sender: 0, recipients: [9] });
    const [third] = addBlock({ sender: 1, recipients: [0] });
    assert.deepEqual(idsOf(await history(`?fromMs=${START_MS + 2}`)), [third, second]);
    assert.deepEqual(idsOf(await history(`?toMs=${START_MS + 2}`)), [second, first]);
    assert.deepEqual(idsOf(await history(`?fromMs=${START_MS + 2}&toMs=${START_MS + 2}`)), [second]);
    assert.deepEqual(idsOf(await history(`?toMs=${START_MS}`)), []);
    assert.deepEqual(idsOf(await history('?counterparty=1')), [third, first]);
    assert.deepEqual(idsOf(await history('?kind=transfer-batch')), [third, second, first]);
    assert.deepEqual(idsOf(await history('?kind=data-anchor')), []);
  });

  it('refuses what cannot be meant', async () => {
    for (const [query, parameter] of [
      [`limit=${MAX_PAGE_ITEMS + 1}`, 'limit'],
      ['cursor=5', 'cursor'],
      ['kind=transfer', 'kind'],
      ['fromMs=-1', 'fromMs'],
      ['toMs=9007199254740992', 'toMs'],
    ]) {
      const response = await api.inject({ url: `/v1/accounts/0/transactions?${query}` });
      assertProblem(response, 'INVALID_QUERY', { parameter });
    }
    assertProblem(await api.inject({ url: '/v1/accounts/99/transactions' }), 'ACCOUNT_UNKNOWN', { account: '99' });
    assertProblem(await api.inject({ url: '/v1/accounts/0/transactions?counterparty=99' }), 'ACCOUNT_UNKNOWN');
  });

  it('gives every transaction once, whatever the pages, while blocks are added', async () => {
    const limits = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 40 });
    const sizes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: MAX_HISTORY_BLOCKS + 6 });
    await fc.assert(
      fc.asyncProperty(sizes, limits, async (blocks, pageLimits) => {
        service = new StubService(network);
        api = testApi(service);
        const added = blocks.flatMap((size) => addBlock(...Array(size).fill({ sender: 0, recipients: [1] })));
        const found: string[] = [];
        let cursor = '';
        for (let page = 0; ; page++) {
          const answer = await history(`?limit=${pageLimits[page % pageLimits.length]}${cursor}`);
          found.push(...idsOf(answer));
          if (answer.next === null) break;
          cursor = `&cursor=${answer.next}`;
          addBlock({ sender: 0, recipients: [1] });
        }
        assert.deepEqual(found, added.toReversed());
      }),
      { numRuns: 40 },
    );
  });
});

describe('the work for histories', () => {
  const query: HistoryQuery = {
    ...{
      account: 0,
      address: id<Address>('00'.repeat(32)),
      cursor: undefined,
      limit: 1,
      fromMs: 0,
      toMs: Number.POSITIVE_INFINITY,
    },
    ...{ kind: undefined, counterparty: undefined },
  };

  it('has a budget: a page ends early, then the next one has to wait', async () => {
    const time = new VirtualTime();
    const pages = new AccountHistory(service, { clock: time, archive: undefined });
    const [first] = addBlock({ sender: 0, recipients: [1] });
    for (let i = 0; i < MAX_HISTORY_BLOCKS - 1; i++) addBlock({ sender: 7, recipients: [8] });
    // Nearly all of what was saved up, in pages that find nothing.
    const perPage = MAX_HISTORY_BLOCKS * HISTORY_BLOCK_BYTES;
    const nothing: HistoryQuery = { ...query, kind: 'data-anchor' };
    const full = Math.floor(HISTORY_BURST_BYTES / (perPage + 20_000));
    for (let i = 0; i < full; i++) await pages.page(nothing);
    let page = await pages.page(query);
    while (page.next !== null && page.transactions.length === 0) {
      try {
        page = await pages.page({ ...query, cursor: parseCursor(page.next) });
      } catch (error) {
        const { code, fields } = error as { code: string; fields: { retryAfterMs: number } };
        assert.equal(code, 'BUSY');
        assert.ok(fields.retryAfterMs > 0 && fields.retryAfterMs < (perPage / HISTORY_BYTES_PER_SECOND) * 1_000);
        time.advance(fields.retryAfterMs);
      }
    }
    assert.deepEqual(
      page.transactions.map(({ id }) => id),
      [first],
    );
    assert.ok(time.monotonicMs() > 0, 'it had to wait');
  });

  it('ends at what is no longer kept', async () => {
    addBlock({ sender: 0, recipients: [1] });
    const [kept] = addBlock({ sender: 0, recipients: [1] });
    service.chain.oldest = service.chain.lastFinal;
    const page = await new AccountHistory(service, { clock: new VirtualTime(), archive: undefined }).page({
      ...query,
      limit: 10,
    });
    assert.deepEqual([page.transactions.map(({ id }) => id), page.next], [[kept], null]);
  });

  it('waits for an index of receipts that is behind', async () => {
    addBlock({ sender: 0, recipients: [1] });
    service.chain.receiptsThrough = service.chain.lastFinal - 1;
    const response = await api.inject({ url: '/v1/accounts/0/transactions' });
    assertProblem(response, 'BUSY', { retryAfterMs: INDEX_RETRY_MS });
  });

  it('begins where the node has all receipts, and says so', async () => {
    addBlock({ sender: 0, recipients: [1] });
    const [known] = addBlock({ sender: 0, recipients: [1] });
    service.chain.receiptsFrom = service.chain.lastFinal;
    const page: AccountTransactions = await history('');
    assert.deepEqual([idsOf(page), page.oldest, page.next], [[known], service.chain.lastFinal, null]);
  });
});

/** Has the first blocks of a stub's chain, which the node has dropped; or does not answer. */
class OldBlocks implements Pick<ArchiveLookup, 'content' | 'touching'> {
  readonly #from: StubService;
  hasReceipts = true;
  isAway = false;
  asked: ArchivedPart[] = [];

  constructor(from: StubService) {
    this.#from = from;
  }

  async touching(part: ArchivedPart) {
    this.asked.push(part);
    if (this.isAway) return 'unavailable' as const;
    const commits: number[] = [];
    for (let index = part.before - 1; index > STUB_COMMIT && commits.length < 2; index--) commits.push(index);
    return { commits, isAll: part.before - 1 - commits.length <= STUB_COMMIT };
  }

  async content(index: number) {
    return this.isAway ? ('unavailable' as const) : this.#from.chain.content(index);
  }
}

describe('a history that goes on in an archive', () => {
  const BLOCKS = 12;
  let all: string[];
  let archive: OldBlocks;

  beforeEach(() => {
    const whole = new StubService(network);
    all = Array.from({ length: BLOCKS }, (_, i) => {
      const commit = STUB_COMMIT + 1 + i;
      const batch = appliedBatch({ commit, position: 0, sender: 0, recipients: [1] });
      for (const each of [whole, service]) each.chain.add([batch]);
      return batch.receipt.id;
    }).reverse();
    service.chain.oldest = STUB_COMMIT + 6;
    archive = new OldBlocks(whole);
    api = testApi(service, {}, { archive: archive as unknown as ArchiveLookup });
  });

  const pages = async (query = ''): Promise<string[]> => {
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: AccountTransactions = await history(
        `?limit=3${cursor === '' ? query : `&cursor=${cursor}${query.replace(/&cursor=[^&]*/, '')}`}`,
      );
      found.push(...idsOf(page));
      cursor = page.next;
    }
    return found;
  };

  it('lists each transaction once, from the node and then from there', async () => {
    assert.deepEqual(await pages(), all);
    assert.deepEqual(archive.asked[0], {
      ...{ account: 0, address: network.accounts[0]?.address, before: STUB_COMMIT + 6 },
      ...{ toMs: Number.POSITIVE_INFINITY, limit: MAX_HISTORY_BLOCKS },
    });
  });

  it('lists from there what the node keeps without its receipts', async () => {
    service.chain.receiptsFrom = STUB_COMMIT + 9;
    assert.deepEqual(await pages(), all);
    assert.equal(archive.asked[0]?.before, STUB_COMMIT + 9);
  });

  it('takes bounds of time on both sides', async () => {
    assert.deepEqual(await pages(`&fromMs=${START_MS + 4}&toMs=${START_MS + 8}`), all.slice(4, 9));
    await pages(`&toMs=${START_MS + 2}`);
    assert.equal(archive.asked.at(-1)?.toMs, START_MS + 2);
  });

  it('goes on where a block is dropped meanwhile', async () => {
    const first = await history('?limit=2');
    service.chain.oldest = service.chain.lastFinal;
    const rest = await pages(`&cursor=${first.next}`);
    assert.deepEqual(rest, all.slice(2));
  });

  it('says that it has to wait while the archive does not answer', async () => {
    archive.isAway = true;
    const { next } = await history('?limit=100');
    assert.equal(next, `${STUB_COMMIT + 6}.0`);
    const response = await api.inject({ url: `/v1/accounts/0/transactions?cursor=${next}` });
    assertProblem(response, 'BUSY', { retryAfterMs: ARCHIVE_RETRY_MS });
  });
});
