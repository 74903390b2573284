import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CoreDriver } from '../../../src/replica/core-driver.ts';
import { Replay } from '../../../src/replica/replay.ts';
import type { Evidence } from '../../../src/types/block.ts';
import { Universe } from '../../dag/universe.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { VirtualTime } from '../../support/virtual-time.ts';
import { append, openStore, signed } from './stored.ts';

const OWN = 0;
const LIAR = 2;

function twins(universe: Universe): Evidence {
  const [first, second] = [5, 6].map((timestampMs) => signed(universe.block(LIAR, 1, universe.roots, { timestampMs })));
  return { first, second } as Evidence;
}

async function driven(universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 })) {
  const { store } = await openStore();
  const exposed: Evidence[] = [];
  const make = () => {
    const events = {
      admitted: () => undefined,
      committed: () => undefined,
      exposed: (proof: Evidence) => exposed.push(proof),
    };
    const modules = { hasher: shaHasher, store, clock: new VirtualTime() };
    return new CoreDriver({ ...universe.options, own: OWN }, modules, universe.core(OWN), events);
  };
  return { universe, store, exposed, make };
}

describe('evidence', () => {
  it('of a peer is kept and passed on once', async () => {
    const { universe, store, exposed, make } = await driven();
    const driver = make();
    const proof = twins(universe);
    driver.learn(proof);
    driver.learn(proof);
    assert.deepEqual([exposed, store.evidence(), driver.core.isExposed(LIAR)], [[proof], [proof], true]);
  });

  it('that the store holds is known to a new core, and not passed on again', async () => {
    const { universe, store, exposed, make } = await driven();
    store.appendEvidence(twins(universe));
    assert.equal(make().core.isExposed(LIAR), true);
    assert.deepEqual(exposed, []);
  });

  it('that was not logged before the node stopped is found again in the blocks of the log', async () => {
    const { universe, store } = await driven();
    const proof = twins(universe);
    for (const block of [proof.first, proof.second]) append(store, block);
    await store.flush();
    const core = universe.core(OWN);
    const replay = new Replay(
      { ...universe.options, own: OWN },
      { hasher: shaHasher, store },
      core,
      async () => undefined,
    );
    await store.log.scan(store.log.firstPosition, {
      record: (record) => replay.record(record),
      damaged: () => assert.fail(),
    });
    assert.deepEqual(
      replay.finish().evidence.map(({ first, second }) => [first.ref, second.ref]),
      [[proof.first.ref, proof.second.ref]],
    );
  });
});
