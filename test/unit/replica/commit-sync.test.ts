import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Verifier } from '../../../src/crypto/signer.ts';
import { CommitSync } from '../../../src/replica/commit-sync.ts';
import type { Links } from '../../../src/replica/links.ts';
import type { Requests } from '../../../src/replica/requests.ts';
import { type Certificate, encodeCertificate } from '../../../src/types/certificate.ts';
import {
  type CommitDigest,
  id,
  type ParamsHash,
  type StatementDigest,
  type StateRoot,
} from '../../../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { committeeOf } from '../../support/committees.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { VirtualTime } from '../../support/virtual-time.ts';
import { NETWORK } from './linked-node.ts';
import { turns } from './stored.ts';

const CERTIFICATE: Certificate = {
  statement: {
    networkId: NETWORK,
    epoch: 1,
    index: 1,
    previousDigest: id<StatementDigest>('0d'.repeat(32)),
    commitIndex: 10,
    commitDigest: id<CommitDigest>('0c'.repeat(32)),
    timeMs: 1_000,
    accountsRoot: id<StateRoot>('ac'.repeat(32)),
    systemRoot: id<StateRoot>('5e'.repeat(32)),
    resultsRoot: id<StateRoot>('4e'.repeat(32)),
    paramsHash: id<ParamsHash>('9a'.repeat(32)),
  },
  members: 4,
  votes: [0, 1, 2].map((author) => ({ author, signature: new Uint8Array(SIGNATURE_BYTES) })),
};

/** A peer that shows a certificate; the node halts on it. `lastCommit`: past the checkpoint, or before it. */
async function shown(setting: { contradicts: boolean; signed: boolean; lastCommit?: number }): Promise<string[]> {
  const seen: string[] = [];
  const verifier = { verifyMany: async (items: readonly unknown[]) => items.map(() => Number(setting.signed)) };
  const sync = new CommitSync(
    { networkId: NETWORK, committee: committeeOf([1, 1, 1, 1]) },
    {
      hasher: shaHasher,
      verifier: verifier as unknown as Verifier,
      links: { isEstablished: () => true } as unknown as Links,
      requests: {
        ask: async (_peer: number, reply: string) => {
          seen.push(reply);
          return { certificate: encodeCertificate(CERTIFICATE) };
        },
      } as unknown as Requests,
      clock: new VirtualTime(),
      logger: SILENT_LOGGER,
    },
    {
      lastCommit: () => ({ index: setting.lastCommit ?? 20, digest: id<CommitDigest>('0e'.repeat(32)) }),
      certifiedIndex: () => (setting.lastCommit === undefined ? 2 : 0),
      contradicts: () => setting.contradicts,
      began: () => assert.fail('there is nothing to take over'),
      synced: async () => assert.fail('there is nothing to take over'),
      ended: () => assert.fail('there is nothing to take over'),
      certified: ({ statement }) => {
        seen.push(`certified ${statement.index}`);
        return false;
      },
      penalise: (_peer, fault) => seen.push(fault),
    },
  );
  sync.hint(1);
  await turns();
  return seen;
}

describe('CommitSync shown a certificate of a checkpoint that is certified here', () => {
  it('takes no notice of the same', async () => {
    assert.deepEqual(await shown({ contradicts: false, signed: true }), ['certificate-reply']);
  });

  it('hands on another that a quorum signed', async () => {
    assert.deepEqual(await shown({ contradicts: true, signed: true }), ['certificate-reply', 'certified 1']);
  });

  it('penalises another that is not signed', async () => {
    assert.deepEqual(await shown({ contradicts: true, signed: false }), ['certificate-reply', 'FALSE_CERTIFICATE']);
  });

  it('asks for nothing of a history on which the node halted', async () => {
    const behind = { contradicts: false, signed: true, lastCommit: 5 };
    assert.deepEqual(await shown(behind), ['certificate-reply', 'certified 1']);
  });
});
