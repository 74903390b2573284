import type { ArchivedCommit } from '../../src/storage/mongo/index.ts';
import { emptyPayloadDigest, encodePayload, parsePayload } from '../../src/types/payload.ts';
import { Universe } from '../dag/universe.ts';
import { commitOf, signed } from '../unit/replica/stored.ts';
import { appliedBatch } from './applied.ts';
import { shaHasher } from './sha-hasher.ts';

const SIGNATURE = new Uint8Array(4_627);
/** Two batches of that commit, the second applied in part. */
export const APPLIED = [
  appliedBatch({ commit: 1, position: 0, sender: 3, recipients: [1, 2], amounts: [5n, 6n] }),
  appliedBatch({ commit: 1, position: 1, sender: 4, recipients: [1, 2], code: 'PARTIAL', bitmap: Uint8Array.of(2) }),
];

/** One commit of two blocks, the second with transactions. */
export function archivedCommit(): ArchivedCommit {
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
  const payload = encodePayload(APPLIED.map(({ body }) => ({ body, signature: SIGNATURE })));
  const { digest } = parsePayload(shaHasher, payload, APPLIED.length);
  const named = { digest, bytes: payload.length, txCount: APPLIED.length };
  const nothing = { digest: emptyPayloadDigest(shaHasher), bytes: 0, txCount: 0 };
  const empty = signed(universe.block(0, 1, universe.roots, { payload: nothing }));
  const full = signed(universe.block(1, 1, universe.roots, { payload: named }));
  const blocks = [
    { header: empty, payload: new Uint8Array(0) },
    { header: full, payload },
  ];
  return { commit: commitOf(1, [empty, full]), gcRound: 0, blocks };
}
