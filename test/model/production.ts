import assert from 'node:assert/strict';
import { Committer } from '../../src/consensus/committer.ts';
import { Dag } from '../../src/consensus/dag.ts';
import { LeaderSchedule } from '../../src/consensus/index.ts';
import { type BlockRef, markVerified, type VerifiedHeader } from '../../src/types/block.ts';
import { type BlockId, id, type PayloadDigest } from '../../src/types/ids.ts';
import { committeeOf } from '../support/committees.ts';
import type { ModelDag } from './dag.ts';
import { blocksIn, MEMBERS } from './layout.ts';
import { SOUND, statusesOf } from './rule.ts';

const COMMITTEE = committeeOf([1, 1, 1, 1]);
const NO_COLLECTION = 1_000;
const NO_BYTES = new Uint8Array(0);
const NO_PAYLOAD = id<PayloadDigest>('00'.repeat(32));

/** Feeds a DAG of the model to the committer of src/consensus and compares the status of every slot. Returns how many slots there were. */
export function assertProductionAgrees(dag: ModelDag): number {
  const { shape } = dag.layout;
  const schedule = new LeaderSchedule({ members: MEMBERS, leadersPerRound: shape.leaders, gcDepth: NO_COLLECTION });
  const production = new Dag(COMMITTEE, 0);
  const committer = new Committer({ committee: COMMITTEE, schedule, dag: production });
  for (const block of blocksIn(dag.present)) {
    const header = headerOf(dag, block);
    production.insert(header);
    committer.observe(header);
  }
  const expected = statusesOf(dag, dag.present, SOUND, { round: 1, offset: 0 });
  for (const { slot, decision, leader } of expected) {
    const status = committer.statusOf(slot, schedule.origin);
    const name = leader < 0 ? undefined : blockId(leader);
    if (status.decision === decision && status.leader?.ref.id === name) continue;
    assert.fail(
      `slot ${slot.round}.${slot.offset}: the model says ${decision} ${leader < 0 ? '' : dag.name(leader)}, production ${status.decision}\n${dag.describe()}`,
    );
  }
  return expected.length;
}

function headerOf(dag: ModelDag, block: number): VerifiedHeader {
  const { layout } = dag;
  const ref = refOf(dag, block);
  const refs = [...blocksIn(dag.parents[block] as number)].map((parent) => refOf(dag, parent));
  const own = refs.filter(({ author }) => author === ref.author);
  const others = refs.filter(({ author }) => author !== ref.author).sort((a, b) => a.author - b.author);
  return markVerified({
    version: 1,
    epoch: 1,
    round: layout.round(block),
    author: ref.author,
    timestampMs: 0,
    executedCommit: 0,
    ancestors: [...own, ...others],
    payload: { digest: NO_PAYLOAD, bytes: 0, txCount: 0 },
    attestations: [],
    ref,
    bytes: NO_BYTES,
    signature: NO_BYTES,
  });
}

function refOf({ layout }: ModelDag, block: number): BlockRef {
  return { round: layout.round(block), author: layout.author(block), id: blockId(block) };
}

function blockId(block: number): BlockId {
  return id<BlockId>(block.toString(16).padStart(64, '0'));
}
