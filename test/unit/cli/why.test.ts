import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { duration } from '../../../src/cli/why/duration.ts';
import { explain } from '../../../src/cli/why/explanation.ts';
import type { Observation, Seen, Unseen } from '../../../src/cli/why/observation.ts';
import type * as Rest from '../../../src/types/rest.ts';

const NOW_MS = 1_700_000_100_000;
const NETWORK = 'ab'.repeat(32);
const NAMES = ['a', 'b', 'c', 'd'];
const OK = { ok: true };
const STALLED = { ok: false, code: 'NO_COMMITS', reason: 'no commit for 41 s' };

type Peer = Rest.Status['peers'][number];

/** One of four validators of power 1, in good order and linked to all; `peers` says what differs, by name. */
function seen(
  name: string,
  peers: Readonly<Record<string, Partial<Peer>>> = {},
  status: Partial<Rest.Status> = {},
  more: Partial<Seen> = {},
): Seen {
  const own = NAMES.indexOf(name);
  const readiness = { alive: OK, synced: OK, quorumProgressing: OK, ableToSign: OK, acceptingTransactions: OK };
  const linked = { linked: true, highestRound: 100, lastSeenMs: 200, queuedBytes: 0, trouble: null };
  const others = NAMES.flatMap((other, author) =>
    author === own ? [] : [{ author, name: other, ...linked, ...peers[other] }],
  );
  return {
    kind: 'seen',
    url: `http://${name}`,
    name,
    networkId: NETWORK,
    clockAheadMs: 0,
    status: {
      readiness,
      round: 100,
      lastCommit: 50,
      lastExecuted: 50,
      waiting: { reason: 'none', awaiting: [] },
      progress: { sinceCommitMs: 300, nextAttemptMs: 400, clockOffMs: 0, votes: null },
      peers: others,
      ...status,
    } as unknown as Rest.Status,
    validators: {
      totalPower: 4,
      quorum: 3,
      validators: NAMES.map((each, author) => ({ author, name: each, power: 1, own: author === own })),
    } as unknown as Rest.Validators,
    ...more,
  };
}

function stalledFor(sinceCommitMs: number, readiness: Partial<Rest.Readiness> = {}): Partial<Rest.Status> {
  const flags = { alive: OK, synced: OK, quorumProgressing: STALLED, ableToSign: OK, acceptingTransactions: OK };
  return {
    readiness: { ...flags, ...readiness },
    progress: { sinceCommitMs, nextAttemptMs: 400, clockOffMs: 0, votes: null },
  };
}

const down = (code: string, nextDialMs = 4_000): Partial<Peer> => ({
  linked: false,
  lastSeenMs: 41_000,
  trouble: { code, detail: 'detail', nextDialMs },
});

const unseen = (how: Unseen['how']): Unseen => ({ kind: 'unseen', url: 'http://d', how, text: how });

const codes = (observations: readonly Observation[], networkId?: string): string[] =>
  explain(observations, networkId, NOW_MS).causes.map(({ code, validators }) => `${code} ${validators.join()}`);

suite('the causes of a stall, from what validators say of themselves and of each other', () => {
  for (const [name, observations, expected] of [
    ['all is well', NAMES.map((each) => seen(each)), []],
    ['one view is enough for it', [seen('a')], []],
    ['nothing listens', [seen('a', { d: down('CONNECTION_REFUSED') })], ['DOWN d']],
    [
      'two are down',
      [seen('a', { c: down('CONNECTION_REFUSED'), d: down('CONNECTION_REFUSED') })],
      ['DOWN c', 'DOWN d'],
    ],
    ['no path, and no other address asked', [seen('a', { d: down('NO_ANSWER') })], ['UNREACHABLE d']],
    ['no path, and its API refuses', [seen('a', { d: down('NO_ANSWER') }), unseen('refused')], ['DOWN d']],
    ['no path, and its API is silent', [seen('a', { d: down('PEER_SILENT') }), unseen('silent')], ['STOPPED d']],
    ['linked and silent', [seen('a', { d: { lastSeenMs: 3_500 } }), unseen('silent')], ['STOPPED d']],
    ['linked, heard, and behind', [seen('a', { d: { highestRound: 90 } })], ['MUTE d']],
    [
      'linked, heard, and awaited by a network that stands',
      [seen('a', {}, { ...stalledFor(41_000), waiting: { reason: 'quorum', awaiting: [3] } })],
      ['MUTE d'],
    ],
    [
      'its disk refuses, and it says so itself',
      [seen('a'), seen('d', {}, stalledFor(41_000, { ableToSign: { ok: false, code: 'DISK', reason: 'DISK_FULL' } }))],
      ['DISK d'],
    ],
    [
      'halted',
      [seen('d', {}, stalledFor(41_000, { alive: { ok: false, code: 'HALT_ROOT_MISMATCH', reason: 'why' } }))],
      ['HALTED d'],
    ],
    [
      'recovering its identity',
      [seen('d', {}, stalledFor(41_000, { ableToSign: { ok: false, code: 'IDENTITY_RECOVERY', reason: '1 of 2' } }))],
      ['RECOVERY d'],
    ],
    [
      'catching up',
      [seen('d', {}, stalledFor(1, { synced: { ok: false, code: 'SYNCING', reason: '' } }))],
      ['SYNCING d'],
    ],
    [
      'two sides without links between them',
      [
        seen('a', { c: down('CONNECTION_LOST'), d: down('DIAL_FAILED') }),
        seen('b', { c: down('CONNECTION_LOST'), d: down('DIAL_FAILED') }),
        seen('c', { a: down('CONNECTION_LOST'), b: down('DIAL_FAILED') }),
        seen('d', { a: down('CONNECTION_LOST'), b: down('DIAL_FAILED') }),
      ],
      ['PARTITION a,b,c,d'],
    ],
    [
      'a link that one end has not missed yet',
      [seen('a', { b: down('CONNECTION_LOST') }), seen('b'), seen('c'), seen('d')],
      ['PARTITION a,b'],
    ],
    [
      'a refused handshake',
      [seen('a', { b: down('LINK_KEY_UNKNOWN') }), seen('b', { a: down('DIAL_FAILED') }), seen('c'), seen('d')],
      ['LINK_REFUSED a,b'],
    ],
    ['another network', [seen('a'), seen('b'), seen('d', {}, {}, { networkId: 'cd'.repeat(32) })], ['OTHER_NETWORK d']],
    [
      'a clock that differs from all others',
      [seen('a'), seen('b'), seen('d', {}, {}, { clockAheadMs: -3_600_000 })],
      ['CLOCK d'],
    ],
    [
      'the clock of this machine',
      ['a', 'b', 'c'].map((each) => seen(each, {}, {}, { clockAheadMs: 60_000 })),
      ['CLOCK '],
    ],
    [
      'a clock that its own validator knows to be off',
      [seen('a', {}, { progress: { sinceCommitMs: 1, nextAttemptMs: 1, clockOffMs: -40_000, votes: null } })],
      ['CLOCK a'],
    ],
    ['certificates that are not valid now', [seen('a', { d: down('CERTIFICATE_EXPIRED') })], ['CLOCK a,d']],
    ['nobody answered', [unseen('refused')], ['DOWN http://d']],
  ] as [string, Observation[], string[]][]) {
    test(name, () => assert.deepEqual(codes(observations), expected));
  }

  test('the network that was asked for is the right one, however few run it', () => {
    const observations = [seen('a', {}, {}, { networkId: 'cd'.repeat(32) }), seen('b')];
    assert.deepEqual(codes(observations, NETWORK), ['OTHER_NETWORK a']);
    assert.deepEqual(codes(observations), ['OTHER_NETWORK b']);
  });
});

suite('votes on checkpoints', () => {
  const votes = (open: Partial<NonNullable<Rest.Status['progress']['votes']>>): Observation[] => {
    const all = { checkpoint: 7, timeMs: NOW_MS - 6_000, agreeing: [0, 1], differing: [], ownFailure: null, ...open };
    return [seen('a', {}, { progress: { sinceCommitMs: 1, nextAttemptMs: 1, clockOffMs: 0, votes: all } })];
  };

  test('missing for long', () => {
    const [cause] = explain(votes({}), undefined, NOW_MS).causes;
    assert.deepEqual([cause?.code, cause?.validators], ['ROOTS', ['c', 'd']]);
    assert.equal(cause?.finding, 'checkpoint 7 has votes of power 2 of 3 needed; missing c, d');
  });

  test('under way', () => assert.deepEqual(codes(votes({ timeMs: NOW_MS - 4_000 })), []));

  test('on another state, at once', () => {
    const [cause] = explain(votes({ timeMs: NOW_MS, differing: [2, 3] }), undefined, NOW_MS).causes;
    assert.match(cause?.finding ?? '', /power 2 of 3 needed; c, d signed another state/);
  });

  test('not signed, with the reason', () => {
    const [cause] = explain(votes({ ownFailure: 'GUARD_BACKWARD: later' }), undefined, NOW_MS).causes;
    assert.match(cause?.finding ?? '', /missing c, d; a does not sign: GUARD_BACKWARD: later/);
  });

  test('a network that stands explains itself', () => {
    const [view] = votes({}) as [Seen];
    const readiness = { ...view.status.readiness, quorumProgressing: STALLED };
    assert.deepEqual(codes([{ ...view, status: { ...view.status, readiness } }]), []);
  });
});

suite('the answer', () => {
  test('says since when, what is awaited of how much power, and what comes next', () => {
    const waiting = { reason: 'quorum', awaiting: [2, 3] };
    const peers = { c: down('CONNECTION_REFUSED', 900), d: down('CONNECTION_REFUSED') };
    const { stalled, headline, causes, attempts } = explain(
      [seen('a', peers, { ...stalledFor(41_000), waiting })],
      undefined,
      NOW_MS,
    );
    assert.equal(stalled, true);
    assert.equal(
      headline,
      'Stalled: no commit for 41 s. Commit 50, round 100: blocks of power 2 of 3 needed, missing c, d.',
    );
    assert.match(causes[0]?.finding ?? '', /^c does not run: nothing listens at its address, last heard 41 s ago$/);
    assert.deepEqual(attempts, ['a sends its state again in 0.4 s', 'a dials c in 0.9 s', 'a dials d in 4.0 s']);
  });

  test('names links where those are too few to sign', () => {
    const ableToSign = { ok: false, code: 'NO_LEASE', reason: 'links to b are too few' };
    const status = { ...stalledFor(41_000, { ableToSign }), waiting: { reason: 'barred', awaiting: [] } };
    const { headline } = explain(
      [seen('a', { c: down('NO_ANSWER'), d: down('NO_ANSWER') }, status)],
      undefined,
      NOW_MS,
    );
    assert.match(headline, /links of power 2 of 3 needed, missing c, d\.$/);
  });

  test('begins with the stall of an idle network whose last commit is young', () => {
    const ableToSign = { ok: false, code: 'NO_LEASE', reason: 'links to b are too few for a quorum' };
    const lonely = { ...seen('a').status.readiness, ableToSign, acceptingTransactions: ableToSign };
    const peers = { c: down('CONNECTION_REFUSED'), d: down('CONNECTION_REFUSED') };
    const views = ['a', 'b'].map((name) => seen(name, peers, { readiness: lonely }));
    const { stalled, headline, causes, attempts } = explain(views, undefined, NOW_MS);
    assert.equal(stalled, true);
    assert.equal(
      headline,
      'Stalled: no commit for 0.3 s. Commit 50, round 100: links of power 2 of 3 needed, missing c, d.',
    );
    assert.deepEqual(
      causes.map(({ code, validators }) => `${code} ${validators.join()}`),
      ['DOWN c', 'DOWN d'],
    );
    assert.equal(attempts[0], 'a sends its state again in 0.4 s');
    const moving = explain([...views, seen('c')], undefined, NOW_MS);
    assert.equal(moving.stalled, false);
    assert.match(
      moving.headline,
      /^a, b take no transactions: NO_LEASE: links to b are too few for a quorum; commit 50/,
    );
  });

  test('begins with the refusal of transactions where blocks go on', () => {
    const acceptingTransactions = { ok: false, code: 'UNCERTIFIED', reason: '5 checkpoints without a certificate' };
    const readiness = { ...seen('a').status.readiness, acceptingTransactions };
    const { stalled, headline } = explain([seen('a', {}, { readiness })], undefined, NOW_MS);
    assert.equal(stalled, false);
    assert.equal(
      headline,
      'No transactions are taken: UNCERTIFIED: 5 checkpoints without a certificate; commit 50 is 0.3 s old.',
    );
  });

  test('names who alone refuses transactions', () => {
    const acceptingTransactions = { ok: false, code: 'BARRED', reason: 'execution lags' };
    const readiness = { ...seen('b').status.readiness, acceptingTransactions };
    const { headline } = explain([seen('a'), seen('b', {}, { readiness })], undefined, NOW_MS);
    assert.equal(headline, 'b takes no transactions: BARRED: execution lags; commit 50 is 0.3 s old.');
  });
});

test('durations are read by people', () => {
  assert.deepEqual([0, 1_250, 9_999, 10_000, 41_900, 60_000, 71_000, 3_600_000, 3_725_000, 90_000_000].map(duration), [
    '0.0 s',
    '1.3 s',
    '10.0 s',
    '10 s',
    '41 s',
    '1 min',
    '1 min 11 s',
    '1 h',
    '1 h 2 min',
    '1 d 1 h',
  ]);
});
