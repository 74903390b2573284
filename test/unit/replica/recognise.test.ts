import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdmissionError, type AdmissionErrorCode } from '../../../src/pipeline/index.ts';
import { recognise, refused } from '../../../src/replica/recognise.ts';
import type { Submission } from '../../../src/replica/service.ts';
import { id, type TransactionId } from '../../../src/types/ids.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const ONE = id<TransactionId>('01'.repeat(32));
const OTHER = id<TransactionId>('02'.repeat(32));

function refusal(code: AdmissionErrorCode, txId: TransactionId | undefined = ONE): Submission {
  return refused(txId, new AdmissionError(code, 'as a test wants', { nonce: 3 }));
}

function setting(finals: readonly TransactionId[] = [ONE], knownSinceMs = Number.POSITIVE_INFINITY) {
  const settled = Promise.withResolvers<void>();
  const time = new VirtualTime();
  let asked = 0;
  const modules = {
    timers: time,
    knownSinceMs: async () => knownSinceMs,
    isFinal: (txId: TransactionId) => finals.includes(txId),
    settled: () => {
      asked += 1;
      return settled.promise;
    },
  };
  return { modules, time, settle: settled.resolve, asked: () => asked };
}

describe('a transaction that comes again', () => {
  for (const code of ['NONCE_USED', 'KEY_ROTATED'] as const) {
    it(`is known when it was applied, whatever admission says: ${code}`, async () => {
      const { modules, settle } = setting();
      const result = recognise([refusal(code), refusal(code, OTHER)], modules);
      settle();
      assert.deepEqual(await result, [{ id: ONE, status: 'known' }, refusal(code, OTHER)]);
    });
  }

  it('is not called unknown before what was executed is final', async () => {
    const { modules, time, settle } = setting([]);
    let answer: readonly Submission[] | undefined;
    const result = recognise([refusal('NONCE_USED')], modules).then((submissions) => {
      answer = submissions;
    });
    time.advance(1_999);
    await new Promise(setImmediate);
    assert.equal(answer, undefined);
    settle();
    await result;
    assert.deepEqual(answer, [refusal('NONCE_USED')]);
  });

  it('is put off, not refused for good, when the disk holds up what was executed', async () => {
    const { modules, time } = setting([]);
    const result = recognise([refusal('NONCE_USED')], modules);
    time.advance(2_000);
    const [submission] = await result;
    assert.ok(submission?.status === 'refused');
    const { code, retryable, retryAfterMs, fields } = submission.refusal;
    assert.deepEqual(
      { code, retryable, retryAfterMs, fields },
      { code: 'BUSY', retryable: true, retryAfterMs: 2_000, fields: { what: 'disk' } },
    );
  });

  it('hears since when it would be known', async () => {
    const { modules, settle } = setting([], 5_000);
    settle();
    const [submission] = await recognise([refusal('NONCE_USED')], modules);
    assert.ok(submission?.status === 'refused');
    assert.deepEqual(submission.refusal.fields, { nonce: 3, knownSinceMs: 5_000 });
  });

  it('waits for nothing when nothing is in doubt', async () => {
    const { modules, asked } = setting();
    const submissions = [refusal('BAD_SIGNATURE'), { id: OTHER, status: 'accepted' } as const];
    assert.deepEqual(await recognise(submissions, modules), submissions);
    assert.equal(asked(), 0);
  });
});
