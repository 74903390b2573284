import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BlockMark, NO_BLOCK, UNUSED_MARKS } from '../../../src/storage/guard-slot.ts';
import { type RestartVerdict, restartVerdict } from '../../../src/storage/restart-verdict.ts';
import type { GuardReading } from '../../../src/storage/sign-guard.ts';
import { type BlockId, id, type NetworkId, type ValidatorId } from '../../../src/types/ids.ts';

const LOG = '01'.repeat(16);
const OTHER_LOG = '02'.repeat(16);
const at = (epoch: number, round: number, byte: number): BlockMark => ({
  epoch,
  round,
  id: id<BlockId>(byte.toString(16).padStart(2, '0').repeat(32)),
});
const barred = (round: number): BlockMark => ({ epoch: 1, round, id: NO_BLOCK });

function good(block: BlockMark, logId = LOG): GuardReading {
  const identity = {
    networkId: id<NetworkId>('aa'.repeat(32)),
    validatorId: id<ValidatorId>('bb'.repeat(32)),
    logId,
  };
  return { state: 'good', value: { ...UNUSED_MARKS, identity, block }, sequence: 1, soundSlots: 2 };
}

const recover = (reason: (RestartVerdict & { action: 'recover' })['reason']): RestartVerdict => ({
  action: 'recover',
  reason,
});

const TABLE: readonly (readonly [string, GuardReading, BlockMark | undefined, RestartVerdict])[] = [
  ['new node', good(UNUSED_MARKS.block), undefined, { action: 'continue' }],
  ['first block logged, guard not written', good(UNUSED_MARKS.block), at(1, 1, 1), { action: 'adopt-own' }],
  ['log flushed, guard not', good(at(1, 4, 4)), at(1, 5, 5), { action: 'adopt-own' }],
  ['first block of an epoch logged, guard not', good(at(1, 90, 4)), at(2, 1, 5), { action: 'adopt-own' }],
  ['guard flushed, sent or not', good(at(1, 5, 5)), at(1, 5, 5), { action: 'resend' }],
  ['the last synced own block is damaged', good(at(1, 5, 5)), at(1, 4, 4), recover('log-behind-guard')],
  ['an epoch behind', good(at(2, 1, 5)), at(1, 90, 4), recover('log-behind-guard')],
  ['no own block left', good(at(1, 5, 5)), undefined, recover('log-behind-guard')],
  ['two blocks for one round', good(at(1, 5, 5)), at(1, 5, 6), recover('log-conflicts-with-guard')],
  ['no guard, own blocks', { state: 'missing' }, at(1, 5, 5), recover('guard-missing')],
  ['no guard, nothing', { state: 'missing' }, undefined, recover('guard-missing')],
  ['corrupt guard', { state: 'corrupt' }, at(1, 5, 5), recover('guard-corrupt')],
  ['wiped and made anew beside an old guard', good(at(1, 5, 5), OTHER_LOG), undefined, recover('guard-of-other-log')],
  ['restored directory with another guard', good(at(1, 5, 5), OTHER_LOG), at(1, 5, 5), recover('guard-of-other-log')],
  ['recovered, nothing signed since', good(barred(60)), at(1, 5, 5), { action: 'continue' }],
  ['recovered with an empty log', good(barred(60)), undefined, { action: 'continue' }],
  ['recovered, first block logged', good(barred(60)), at(1, 61, 1), { action: 'adopt-own' }],
  ['recovered, an own block of the barred round found', good(barred(60)), at(1, 60, 1), { action: 'continue' }],
];

describe('restartVerdict', () => {
  for (const [name, guard, lastOwn, expected] of TABLE) {
    it(name, () => {
      assert.deepEqual(restartVerdict(guard, { logId: LOG, lastOwn }), expected);
    });
  }
});
