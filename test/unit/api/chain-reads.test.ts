import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import { ChainReads } from '../../../src/api/chain-reads.ts';
import { cacheMetrics, MemoryCache, ReadThrough } from '../../../src/cache/index.ts';
import type { BlockView } from '../../../src/replica/service.ts';
import type { ArchiveLookup } from '../../../src/storage/index.ts';
import { id, type TransactionId } from '../../../src/types/ids.ts';
import type { Receipt } from '../../../src/types/receipt.ts';
import { NO_INSTRUMENTS } from '../../../src/util/instruments.ts';
import { assertProblem, testApi } from '../../support/api-requests.ts';
import { appliedBatch } from '../../support/applied.ts';
import { STUB_COMMIT, type StubNetwork, StubService, stubNetwork } from '../../support/stub-service.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const metrics = cacheMetrics(NO_INSTRUMENTS);
const OLD = appliedBatch({
  commit: 3,
  position: 0,
  sender: 0,
  recipients: [1, 7],
  code: 'PARTIAL',
  bitmap: Uint8Array.of(1),
});

/** Holds one old transaction, and the block that it is given. */
class StubArchive implements ArchiveLookup {
  readonly hasReceipts = true;
  questions = 0;
  old: BlockView | undefined;

  async receipt(txId: TransactionId): Promise<Receipt | undefined> {
    this.questions += 1;
    return txId === OLD.receipt.id ? OLD.receipt : undefined;
  }

  async block(key: number | { readonly hash: string }): Promise<BlockView | undefined> {
    this.questions += 1;
    return key === 3 ? this.old : undefined;
  }

  async body(txId: TransactionId): Promise<Uint8Array | undefined> {
    this.questions += 1;
    return txId === OLD.receipt.id ? OLD.body : undefined;
  }

  async content(): Promise<undefined> {
    return undefined;
  }

  async touching() {
    return { commits: [], isAll: true };
  }

  async close(): Promise<void> {
    // nothing is open
  }
}

let network: StubNetwork;
let service: StubService;
let archive: StubArchive;
let cache: ReadThrough;
let reads: ChainReads;

before(async () => {
  network = await stubNetwork();
});
beforeEach(() => {
  service = new StubService(network);
  archive = new StubArchive();
  const memory = new MemoryCache({ memoryBytes: 1_000_000, ttlMs: 60_000 }, { clock: new VirtualTime(), metrics });
  cache = new ReadThrough([memory], metrics);
  reads = new ChainReads(service, { cache, archive });
});

/** Counts how often the chain itself is read. */
function countReads(): { count: number } {
  const counted = { count: 0 };
  const read = service.chain.block.bind(service.chain);
  service.chain.block = (key) => {
    counted.count += 1;
    return read(key);
  };
  return counted;
}

describe('reads of the chain', () => {
  it('keep a final block, by height and by hash', async () => {
    const counted = countReads();
    const block = await reads.block(STUB_COMMIT);
    assert.deepEqual(await reads.block(STUB_COMMIT), block);
    assert.deepEqual(await reads.block({ hash: block?.hash ?? '' }), block);
    assert.deepEqual(await reads.block({ hash: block?.hash ?? '' }), block);
    assert.equal(counted.count, 2);
  });

  it('take the latest from the node, never from what was kept', async () => {
    assert.equal((await reads.block('latest'))?.height, STUB_COMMIT);
    service.chain.add([]);
    assert.equal(await reads.block('latest'), undefined, 'the stub has the newer block in no other form');
  });

  it('keep nothing that is not final yet, and no absence', async () => {
    service.chain.lastFinal = STUB_COMMIT - 1;
    const counted = countReads();
    assert.equal(await reads.block(STUB_COMMIT), undefined);
    for (let i = 0; i < 2; i++) assert.equal(await reads.block(5), undefined);
    assert.equal(counted.count, 2);
  });

  it('speak of nothing that is final elsewhere only', async () => {
    const hash = (await reads.block(STUB_COMMIT))?.hash ?? '';
    await reads.block({ hash });
    await reads.transaction(OLD.receipt.id);
    service.chain.lastFinal = 2;
    assert.equal(await reads.block({ hash }), undefined);
    assert.equal(await reads.transaction(OLD.receipt.id), undefined);
    service.chain.lastFinal = STUB_COMMIT;
    assert.equal((await reads.block({ hash }))?.hash, hash);
    assert.equal((await reads.transaction(OLD.receipt.id))?.level, 'final');
  });

  it('have a kept block although the node has it no more', async () => {
    const block = await reads.block(STUB_COMMIT);
    service.chain.block = async () => undefined;
    assert.deepEqual(await reads.block(STUB_COMMIT), block);
  });

  it('ask the archive for what the node no longer has, once', async () => {
    const view = await service.chain.block('latest');
    archive.old = view && { ...view, commit: { ...view.commit, index: 3 } };
    for (let i = 0; i < 2; i++) {
      assert.equal((await reads.block(3))?.height, 3);
      assert.deepEqual(await reads.body(OLD.receipt.id), OLD.body);
      assert.deepEqual(await reads.transaction(OLD.receipt.id), {
        id: OLD.receipt.id,
        level: 'final',
        receipt: OLD.receipt,
      });
    }
    assert.equal(archive.questions, 3);
  });

  it('ask the archive nothing about what the node knows', async () => {
    service.put({ id: OLD.receipt.id, level: 'included' });
    assert.equal((await reads.transaction(OLD.receipt.id))?.level, 'included');
    assert.equal(archive.questions, 0);
  });
});

describe('the routes over an archive', () => {
  it('answer an old transaction and its transfers as they answer a new one', async () => {
    const api = testApi(service, {}, { cache, archive });
    const { id: txId } = OLD.receipt;
    const status = JSON.parse((await api.inject({ url: `/v1/transactions/${txId}` })).body);
    assert.deepEqual([status.commit, status.level, status.receipt.bitmap], [STUB_COMMIT, 'final', '01']);
    const { transfers } = JSON.parse((await api.inject({ url: `/v1/transactions/${txId}/transfers` })).body);
    assert.deepEqual(
      transfers.map(({ made }: { made: boolean }) => made),
      [true, false],
    );
    const unknown = id<TransactionId>('ef'.repeat(32));
    assertProblem(await api.inject({ url: `/v1/transactions/${unknown}` }), 'TRANSACTION_UNKNOWN', { id: unknown });
  });

  it('say of an unknown transaction what is certain: up to a commit before they asked, and since when', async () => {
    const api = testApi(service, {}, { cache, archive });
    const unknown = id<TransactionId>('ef'.repeat(32));
    archive.receipt = async () => {
      service.chain.add([]);
      return undefined;
    };
    const fieldsOf = async () => JSON.parse((await api.inject({ url: `/v1/transactions/${unknown}` })).body).fields;
    assert.deepEqual(await fieldsOf(), { id: unknown, commit: STUB_COMMIT, knownSinceMs: 0 });
    service.chain.receiptsFrom = STUB_COMMIT + 1;
    const { timeMs } = (await service.chain.commits(STUB_COMMIT + 1, 1))[0] as { timeMs: number };
    assert.deepEqual(await fieldsOf(), { id: unknown, commit: STUB_COMMIT + 1, knownSinceMs: timeMs });
  });
});
