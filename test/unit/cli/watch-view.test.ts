import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchLines } from '../../../src/cli/watch-view.ts';
import type { Seen } from '../../../src/cli/why/observation.ts';

test('a row for each validator asked, in columns, and what keeps them below', () => {
  const status = {
    health: { status: 'healthy', tps: 12.5, latency: 31 },
    peers: [{ linked: true }, { linked: false }],
    progress: { sinceCommitMs: 300 },
    ...{ lastExecuted: 812, round: 2_433, lastCertified: 7, lastCheckpoint: 8, mempool: { transactions: 3 } },
  };
  const seen = { kind: 'seen', name: 'a-long-name', status } as unknown as Seen;
  const unseen = { kind: 'unseen', url: 'http://b', how: 'refused', text: '' } as const;
  const cause = { code: 'DOWN', validators: ['b'], finding: 'b does not run', advice: 'start it' } as const;
  const explanation = { stalled: false, headline: 'Not stalled.', causes: [cause], attempts: ['a dials b in 1.0 s'] };
  assert.deepEqual(watchLines([seen, unseen], explanation, 1_700_000_000_000), [
    'av10 watch  2023-11-14T22:13:20Z',
    '',
    'validator    state    commit  age    round  certified  tps   latency  mempool  links',
    'a-long-name  healthy  812     0.3 s  2433   7/8        12.5  31 ms    3        1/2',
    'http://b     refused  -       -      -      -          -     -        -        -',
    '',
    'Not stalled.',
    '- DOWN: b does not run',
    'Next by itself: a dials b in 1.0 s.',
  ]);
});
