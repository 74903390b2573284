import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Precheck } from '../../../src/consensus/index.ts';
import type { Verifier } from '../../../src/crypto/signer.ts';
import { BlockIntake } from '../../../src/replica/intake.ts';
import { DEFAULT_REPLICA_OPTIONS, type ReplicaOptions } from '../../../src/replica/options.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import type { WireBlock } from '../../../src/types/message.ts';
import { parsePayload } from '../../../src/types/payload.ts';
import { Universe } from '../../dag/universe.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { VirtualTime } from '../../support/virtual-time.ts';
import { NETWORK } from './linked-node.ts';
import { turns } from './stored.ts';

const GENUINE = new Uint8Array(SIGNATURE_BYTES).fill(1);
const GARBAGE = new Uint8Array(SIGNATURE_BYTES).fill(2);
const EMPTY = new Uint8Array(0);
const NOTHING = { digest: parsePayload(shaHasher, EMPTY, 0).digest, bytes: 0, txCount: 0 };

/** An intake whose verifications last until the test ends them. */
function intake(options: Partial<ReplicaOptions> = {}) {
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
  const running: { readonly signature: Uint8Array; end(): void }[] = [];
  const seen: string[] = [];
  let precheck: Precheck = { kind: 'verify' };
  const verifier: Pick<Verifier, 'verify'> = {
    verify: (_key, _context, _message, signature) =>
      new Promise((resolve) => running.push({ signature, end: () => resolve(signature[0] === GENUINE[0]) })),
  };
  const committee = universe.committee;
  const modules = { hasher: shaHasher, verifier: verifier as Verifier, clock: new VirtualTime() };
  const setup = { networkId: NETWORK, epoch: 1, committee, options: { ...DEFAULT_REPLICA_OPTIONS, ...options } };
  const blocks = new BlockIntake(setup, modules, {
    holdsEvidence: () => false,
    proved: () => assert.fail('no evidence was sent'),
    precheck: () => precheck,
    verified: ({ ref }) => seen.push(`verified ${ref.author}@${ref.round}`),
    tooFar: (peer, round) => seen.push(`too far: ${peer} at ${round}`),
    penalise: (peer, fault) => seen.push(`${fault} of ${peer}`),
  });
  return {
    seen,
    running,
    blocks,
    prechecks: (answer: Precheck) => {
      precheck = answer;
    },
    endAll: async () => {
      for (const verification of running.splice(0)) verification.end();
      await turns();
    },
    block: (author: number, round: number, payload = EMPTY): WireBlock => {
      const header = { ...universe.signed(author, round, universe.roots, { payload: NOTHING }), signature: GENUINE };
      return { header, payload };
    },
  };
}

/** The same block, hence the same id. */
function withSignature({ header, payload }: WireBlock, signature: Uint8Array): WireBlock {
  return { header: { ...header, signature }, payload };
}

describe('BlockIntake', () => {
  it('lets no copy with a garbage signature hide the genuine block, whichever comes first', async () => {
    for (const order of [
      [GARBAGE, GENUINE],
      [GENUINE, GARBAGE],
    ]) {
      const { blocks, block, running, endAll, seen } = intake();
      const sent = block(1, 1);
      for (const [peer, signature] of order.entries()) blocks.receive(peer + 1, withSignature(sent, signature), true);
      assert.deepEqual(
        running.map(({ signature }) => signature),
        order,
      );
      await endAll();
      assert.deepEqual(seen.toSorted(), [`BAD_SIGNATURE of ${order.indexOf(GARBAGE) + 1}`, 'verified 1@1']);
    }
  });

  it('verifies the same block with the same signature once while it is in flight, and again later', async () => {
    const { blocks, block, running, endAll, seen } = intake();
    const sent = block(1, 1);
    for (const peer of [1, 2, 3]) blocks.receive(peer, sent, true);
    assert.equal(running.length, 1);
    assert.deepEqual(
      [1, 2].map((peer) => blocks.isVerifying(peer)),
      [true, false],
    );
    await endAll();
    blocks.receive(2, sent, true);
    assert.equal(running.length, 1);
    await endAll();
    assert.deepEqual(seen, ['verified 1@1', 'verified 1@1']);
  });

  it('verifies no more blocks of one peer at a time than its limit', async () => {
    const { blocks, block, running, endAll } = intake({ verificationsPerPeer: 2 });
    for (const round of [1, 2, 3]) blocks.receive(1, block(1, round), true);
    assert.equal(running.length, 2);
    blocks.receive(2, block(1, 3), true);
    assert.equal(running.length, 3);
    await endAll();
    blocks.receive(1, block(1, 4), true);
    assert.equal(running.length, 1);
  });

  it('gives blocks of others that nobody asked for a budget, and none to the own blocks of a peer', () => {
    const { blocks, block, running } = intake({ foreignHeadersPerSecond: 2, verificationsPerPeer: 1_000 });
    for (let round = 1; round <= 10; round++) blocks.receive(1, block(2, round), false);
    assert.equal(running.length, 4);
    for (let round = 1; round <= 10; round++) blocks.receive(1, block(1, round), false);
    assert.equal(running.length, 14);
    blocks.receive(1, block(2, 11), true);
    assert.equal(running.length, 15);
  });

  it('penalises a payload that is not the one of the header', async () => {
    const { blocks, block, endAll, seen } = intake();
    blocks.receive(1, block(1, 1, Uint8Array.of(0)), true);
    await endAll();
    assert.deepEqual(seen, ['BAD_PAYLOAD of 1']);
  });

  it('verifies nothing that the rules without cost refuse', () => {
    const { blocks, block, running, prechecks, seen } = intake();
    prechecks({ kind: 'too-far', round: 9 });
    blocks.receive(1, block(1, 9), false);
    assert.deepEqual([running.length, seen], [0, ['too far: 1 at 9']]);
  });
});
