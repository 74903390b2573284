import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Av10Client, ChainEvent, Settled, Wallet } from '../../src/client/index.ts';
import { TestDevnet } from '../support/devnet.ts';

/** The best-effort batch of every test: the third recipient does not exist. */
const BATCH = {
  kind: 'transfer-batch',
  asset: 0,
  atomic: false,
  recipients: Uint32Array.of(1, 2, 999),
  amounts: BigUint64Array.of(10n, 20n, 30n),
} as const;

let devnet: TestDevnet;
let client: Av10Client;
let wallet: Wallet;

before(async () => {
  devnet = await TestDevnet.start();
  client = devnet.client(0);
  wallet = await devnet.wallet(0, client);
});
after(() => devnet.stop());

/** The event and its place, without the part of the id that counts certificates: when one comes is each validator's own matter. */
function place({ id, kind, data }: ChainEvent): unknown {
  return { place: id.slice(0, id.lastIndexOf('.')), kind, data };
}

async function take(events: AsyncGenerator<ChainEvent>, count: number): Promise<ChainEvent[]> {
  const taken: ChainEvent[] = [];
  while (taken.length < count) {
    const next = await events.next();
    assert.ok(next.done !== true);
    taken.push(next.value);
  }
  return taken;
}

describe('the API of a network', () => {
  let settled: Extract<Settled, { outcome: 'applied' }>;

  it('shows a batch with what became of each transfer', async () => {
    settled = await wallet.settle(BATCH);
    assert.equal(settled.receipt.code, 'PARTIAL');
    const batch = await client.transfers(settled.id);
    assert.deepEqual(
      batch.transfers.map(({ to, amount, made }) => [to, amount, made]),
      [
        [1, '10', true],
        [2, '20', true],
        [999, '30', false],
      ],
    );
    assert.deepEqual((await client.transfer(settled.id, 2)).transfer, batch.transfers[2]);
    assert.equal(batch.commit, settled.receipt.commit);
  });

  it('gives the same outcome to the same bytes, on every validator', async () => {
    const signed = await wallet.sign(BATCH);
    const first = await client.settle(signed);
    for (const validator of [0, 1, 2, 3]) {
      await devnet.untilExecuted(validator, first.outcome === 'applied' ? first.receipt.commit : 0);
      const other = devnet.client(validator);
      assert.equal((await other.submit(signed)).status, 'known');
      assert.deepEqual(await other.settle(signed), first);
    }
    const rival = await wallet.sign(BATCH);
    assert.equal((await client.settle(rival)).outcome, 'applied');
  });

  it('finds a block by height, hash, round and in a range, with its transactions', async () => {
    const { commit } = settled.receipt;
    const block = await client.block(commit);
    assert.ok(block.transactions.includes(settled.id));
    assert.deepEqual(await client.block(block.hash), block);
    const { blocks } = await client.blocks({ round: block.leader.round });
    assert.ok(blocks.some(({ hash }) => hash === block.hash));
    let previous = (await client.block(1)).previousHash;
    let height = 0;
    for (let from: number | null = 1; from !== null && height < commit; ) {
      const page = await client.blocks({ from, limit: 7 });
      for (const each of page.blocks) {
        assert.equal(each.previousHash, previous);
        assert.equal(each.height, height + 1);
        [previous, height] = [each.hash, each.height];
      }
      from = page.next;
    }
    assert.ok(height >= commit);
  });

  it('counts, proves checkpoints, and knows of no evidence', async () => {
    const { accounts, transactions, commit } = await client.statistics();
    assert.equal(accounts, 4);
    assert.ok(transactions.applied >= 3 && commit >= settled.receipt.commit);
    await client.waitFor(settled.id, 'certified', 60_000);
    const latest = await client.certifiedCheckpoint('latest');
    const { checkpoints } = await client.checkpoints({ limit: 5 });
    assert.ok(
      checkpoints.some(({ index, accountsRoot }) => index === latest.index && accountsRoot === latest.accountsRoot),
    );
    assert.deepEqual((await client.evidence()).evidence, []);
  });

  it('goes on with its events at another validator when one is killed, with each event once and in order', async () => {
    const everywhere = devnet.client(3, 'first');
    const after = `${(await client.status()).lastExecuted}.0.0`;
    const events = everywhere.events({ kinds: ['transaction'], after });
    const ids = [(await wallet.settle(BATCH)).id, (await wallet.settle(BATCH)).id];
    const heard = await take(events, 2);
    await devnet.kill(3);
    ids.push((await wallet.settle(BATCH)).id, (await wallet.settle(BATCH)).id);
    heard.push(...(await take(events, 2)));
    await events.return();
    assert.deepEqual(
      heard.map((event) => event.kind === 'transaction' && event.data.id),
      ids,
    );
    // Another reader, from the same place on, at a validator that was not asked before.
    const again = await take(devnet.client(1).events({ kinds: ['transaction'], after }), 4);
    assert.deepEqual(again.map(place), heard.map(place));
    devnet.restart(3);
    await devnet.untilHealthy(3, 120_000);
    // And at the one that was killed: a replayed log has the same events.
    const replayed = await take(devnet.client(3).events({ kinds: ['transaction'], after }), 4);
    assert.deepEqual(replayed.map(place), heard.map(place));
  });
});
