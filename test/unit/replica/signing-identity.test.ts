import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LastingGuard } from '../../../src/replica/lasting-guard.ts';
import { Requests } from '../../../src/replica/requests.ts';
import { SigningIdentity } from '../../../src/replica/signing-identity.ts';
import { UNUSED_MARKS } from '../../../src/storage/index.ts';
import { markVerified, type SignedHeader } from '../../../src/types/block.ts';
import { type BlockId, id, type NetworkId, type ValidatorId } from '../../../src/types/ids.ts';
import { type CodedError, isCoded } from '../../../src/util/errors.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { Universe } from '../../dag/universe.ts';
import { SimulatedDisk } from '../../support/simulated-disk.ts';
import { storageModules } from '../storage/fixture.ts';
import { LinkedNode } from './linked-node.ts';

const HOLD_MS = 5_000;
const GUARDED = 10;

/** Member 0, whose guard knows one block of round 10; `halts` is what ended it. */
async function identity(powers: readonly number[] = [1, 1, 1, 1]) {
  const node = await new LinkedNode(powers).start();
  const universe = new Universe({ powers, leaders: 1 });
  const core = universe.core(0);
  const modules = { ...storageModules(new SimulatedDisk()), timers: node.time, logger: SILENT_LOGGER };
  const owner = {
    networkId: id<NetworkId>('4e'.repeat(32)),
    validatorId: id<ValidatorId>('01'.repeat(32)),
    logId: '07'.repeat(16),
  };
  const block = { epoch: 1, round: GUARDED, id: id<BlockId>('bb'.repeat(32)) };
  const guard = await LastingGuard.make('guard', owner, { ...UNUSED_MARKS, block }, modules);
  const halts: CodedError[] = [];
  const { links, time } = node;
  const signing = new SigningIdentity(
    { committee: node.committee, own: 0, identityHoldMs: HOLD_MS },
    { links, requests: new Requests(1_000, { links, timers: time }), logger: SILENT_LOGGER },
    { guard, recoveredGuard: () => assert.fail('nothing is recovered') },
    {
      core: () => core,
      certified: () => 0,
      settled: () => true,
      changed: () => undefined,
      halt: (error) => halts.push(isCoded(error) ? error : assert.fail('an error without a code')),
    },
  );
  /** These peers answer what they were asked now. */
  const leasedBy = (...peers: readonly number[]): void => {
    for (const peer of peers) {
      if (!links.isEstablished(peer)) node.greet(peer);
      node.receive(peer, { type: 'lease-ok', timeMs: time.monotonicMs() });
      signing.served(peer);
    }
  };
  const ownBlock = (round: number) =>
    markVerified({ ...(universe.layer(1, universe.roots)[0] as SignedHeader), round });
  return { signing, halts, time, leasedBy, ownBlock, codes: () => halts.map(({ code }) => code) };
}

describe('a process whose peers serve another one', () => {
  it('gives way when enough of them refuse it again, more than a hold after they first did', async () => {
    const { signing, halts } = await identity();
    signing.refused(1, 0, 40);
    signing.refused(2, 0, 50);
    signing.refused(1, 40 + HOLD_MS + 1, 5_100);
    signing.refused(2, 50 + HOLD_MS, 5_100);
    assert.deepEqual(halts, []);
    signing.refused(2, 50 + HOLD_MS + 1, 5_100);
    assert.deepEqual(
      halts.map(({ code, fields }) => [code, fields]),
      [['IDENTITY_IN_USE', { peers: 'B, C' }]],
    );
  });

  it('stays when one of them serves it in between: the other process is gone', async () => {
    const { signing, leasedBy, codes } = await identity();
    for (const peer of [1, 2]) signing.refused(peer, 0, 40);
    leasedBy(2);
    for (const peer of [1, 2, 2]) signing.refused(peer, 9_000, 9_040);
    assert.deepEqual(codes(), []);
    signing.refused(2, 9_041 + HOLD_MS, 15_000);
    assert.deepEqual(codes(), ['IDENTITY_IN_USE']);
  });

  it('counts power: one that may lie ends nobody, one with more than f does', async () => {
    for (const [powers, expected] of [
      [[1, 1, 1, 1], []],
      [[1, 2, 1, 1], ['IDENTITY_IN_USE']],
    ] as const) {
      const { signing, codes } = await identity(powers);
      for (const askedMs of [0, 6_000, 12_000]) signing.refused(1, askedMs, askedMs + 1);
      assert.deepEqual([...new Set(codes())], expected);
    }
  });
});

describe('a process whose peers hold own blocks above its guard', () => {
  it('ends once it has the lease, before it signs, if enough of them say so', async () => {
    const { signing, halts, leasedBy } = await identity();
    signing.claimed(1, GUARDED + 5);
    signing.claimed(2, GUARDED + 7);
    signing.claimed(3, GUARDED);
    leasedBy(1);
    assert.deepEqual(halts, [], 'without a lease it signs nothing, and the blocks may be those of another process');
    leasedBy(3);
    assert.deepEqual(
      halts.map(({ code, fields }) => [code, fields]),
      [['NEEDS_IDENTITY_RECOVERY', { reason: 'guard-rolled-back', guarded: GUARDED, held: GUARDED + 7 }]],
    );
  });

  it('is not ended by one that may lie, nor by what the guard knows', async () => {
    const { signing, leasedBy, codes } = await identity();
    leasedBy(1, 2);
    signing.claimed(1, GUARDED + 5);
    for (const peer of [2, 3]) signing.claimed(peer, GUARDED);
    assert.deepEqual(codes(), []);
    signing.claimed(3, GUARDED + 1);
    assert.deepEqual(codes(), ['NEEDS_IDENTITY_RECOVERY']);
  });

  it('is ended by one own block, whoever delivers it, as soon as it has the lease', async () => {
    const { signing, leasedBy, ownBlock, codes } = await identity();
    signing.verified(ownBlock(GUARDED + 1));
    assert.deepEqual(codes(), []);
    leasedBy(1, 2);
    assert.deepEqual([...new Set(codes())], ['NEEDS_IDENTITY_RECOVERY']);
  });
});
