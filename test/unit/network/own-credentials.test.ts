import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { OwnCredentials } from '../../../src/network/own-credentials.ts';
import { privateKeyOf } from '../../../src/network/peer-key.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { eventually } from '../../support/eventually.ts';
import {
  certified,
  type LoopbackCommittee,
  loopbackCommittee,
  memberSeed,
  TEST_NETWORK_ID,
} from '../../support/libp2p-network.ts';
import { SYSTEM_RANDOM } from '../../support/system-time.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const LIFETIME_MS = 1_000_000;

describe('own credentials', () => {
  let committee: LoopbackCommittee;
  let time: VirtualTime;
  let credentials: OwnCredentials;

  beforeEach(async () => {
    committee = await loopbackCommittee(1, 1, ['127.0.0.1:1']);
    time = new VirtualTime();
    credentials = new OwnCredentials({
      networkId: TEST_NETWORK_ID,
      peerKey: await privateKeyOf(committee.peerKeys[0] ?? assert.fail()),
      member: committee.peers[0] ?? assert.fail(),
      random: SYSTEM_RANDOM,
      certificateLifetimeMs: LIFETIME_MS,
      clock: time,
      timers: time,
      logger: SILENT_LOGGER,
    });
  });
  afterEach(() => credentials.stop());

  it('issue the leaf anew before half of its life is over, again and again', async () => {
    await credentials.use({ seed: memberSeed(committee, 0, 'link') });
    for (let renewal = 0; renewal < 3; renewal++) {
      const { context } = credentials.current;
      time.advance(LIFETIME_MS / 4);
      assert.equal(credentials.current.context, context);
      time.advance(LIFETIME_MS / 4);
      await eventually(() => credentials.current.context !== context, 'a fresh leaf');
    }
  });

  it('change to a certified key at once, and refuse any other without losing the present one', async () => {
    const genesis = { seed: memberSeed(committee, 0, 'link') };
    await credentials.use(genesis);
    const seed = SecretBytes.random(32);
    const { validatorId } = committee.peers[0] ?? assert.fail();
    const foreign = { seed: SecretBytes.random(32) };
    const certificate = await certified(committee, 0, 3, seed);
    for (const key of [foreign, { ...foreign, certificate }, { ...genesis, certificate }])
      await assert.rejects(credentials.use(key), { code: 'LINK_KEY_MISMATCH', fields: { validatorId } });
    assert.equal(credentials.current.keySequence, 0);
    await credentials.use({ seed, certificate });
    assert.equal(credentials.current.keySequence, 3);
  });
});
