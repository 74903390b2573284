import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Exchange } from '../../../src/replica/exchange.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { TokenBucket } from '../../../src/util/token-bucket.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';
import { LinkedNode } from './linked-node.ts';
import { append, openStore, signed, turns } from './stored.ts';

const OWN = 0;
const SPOKEN = 6;

/** Member 0 with six rounds spoken and a seventh block in its log alone. */
async function speaking({ bytesPerSecond = 1e9, maxRoundsAhead = 4 } = {}) {
  const node = await new LinkedNode().start();
  node.greetAll();
  node.takeSent();
  const { store } = await openStore(0);
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
  const core = universe.core(OWN);
  let below = universe.roots;
  for (let round = 1; round <= SPOKEN; round++) {
    const layer = universe.committee.members.map((_, author) => append(store, universe.block(author, round, below)));
    for (const block of layer) core.insert(block, 0);
    below = refsOf(layer);
  }
  append(store, universe.block(OWN, SPOKEN + 1, below));
  await store.flush();
  const budget = new TokenBucket(bytesPerSecond, bytesPerSecond, node.time.monotonicMs());
  const exchange = new Exchange(
    { own: OWN, maxRoundsAhead },
    { links: node.links, store, clock: node.time, logger: SILENT_LOGGER },
    { core: () => core, state: () => node.state, maySign: () => true, budget: () => budget, proposal: () => undefined },
  );
  const pushed = (peer: number) => node.sent('block', peer).map(({ block }) => block.header.round);
  return { node, store, universe, exchange, budget, pushed };
}

describe('exchange', () => {
  it('pushes own blocks above a round, oldest first, so many at a time, and none that was not spoken', async () => {
    const { exchange, pushed } = await speaking();
    await exchange.push(1, 0);
    assert.deepEqual(pushed(1), [1, 2, 3, 4]);
    await exchange.push(2, 4);
    assert.deepEqual(pushed(2), [5, 6]);
    await exchange.push(3, SPOKEN);
    assert.deepEqual(pushed(3), []);
  });

  it('makes one pass at a time and then the one that was asked for last', async () => {
    const { exchange, pushed } = await speaking();
    const pass = exchange.push(1, 0);
    await Promise.all([exchange.push(1, 1), exchange.push(1, 5)]);
    assert.deepEqual(pushed(1), []);
    await pass;
    assert.deepEqual(pushed(1), [1, 2, 3, 4, 6]);
  });

  it('pushes no more than the peer is served in bytes', async () => {
    const { exchange, budget, node, pushed } = await speaking({ bytesPerSecond: 1_000 });
    await exchange.push(1, 0);
    assert.deepEqual(pushed(1), [1], 'one signature alone is more');
    assert.equal(budget.take(0, node.time.monotonicMs()), false);
    await exchange.push(1, 0);
    assert.deepEqual(pushed(1), [1]);
  });

  it('tells a peer that missed something its state and every proof', async () => {
    const { exchange, store, universe, node } = await speaking();
    const [first, second] = [5, 6].map((timestampMs) => signed(universe.block(2, 1, universe.roots, { timestampMs })));
    assert.ok(first !== undefined && second !== undefined);
    store.appendEvidence({ first, second });
    exchange.settle(1);
    assert.deepEqual(node.takeSent(), ['exchange > 1', 'evidence > 1']);
  });

  it('asks who is too far ahead at once, and again only when half a pass is here', async () => {
    const { exchange, node } = await speaking();
    exchange.ignored(1);
    exchange.ignored(1);
    await turns();
    assert.deepEqual(node.takeSent(), ['exchange > 1']);
  });
});
