import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Core, DEFAULT_PACING, type ProposeInput } from '../../../src/consensus/index.ts';
import type { BlockRef, VerifiedHeader } from '../../../src/types/block.ts';
import { assertDefined } from '../../../src/util/assert.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';

const BUSY: ProposeInput = { maySign: true, eligible: true, unexecutedInView: false, payloadBarred: false, load: 0 };
const IDLE: ProposeInput = { ...BUSY, eligible: false };
const TIMEOUT_MS = DEFAULT_PACING.leaderTimeoutMs;
const OWN = 0;

/** Member 0 of four, one leader a round: the leader of round r is member r mod 4. */
class Desk {
  readonly universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
  readonly core: Core = this.universe.core(OWN);
  readonly rounds: VerifiedHeader[][] = [];

  /** Admits blocks of these members at `round`, referencing all of the round below. */
  others(round: number, authors: readonly number[], nowMs: number, below = this.below(round)): void {
    for (const block of this.universe.layer(round, below, authors)) {
      assert.equal(this.core.insert(block, nowMs).outcome, 'admitted');
      this.#at(round).push(block);
    }
    this.core.advance(nowMs);
  }

  own(nowMs: number, input = BUSY): number {
    const proposal = this.core.propose(nowMs, input);
    assert(proposal.kind === 'propose', JSON.stringify(proposal));
    const block = this.universe.block(OWN, proposal.round, proposal.ancestors);
    this.core.proposed(block, nowMs);
    this.#at(proposal.round).push(block);
    this.core.advance(nowMs);
    return proposal.round;
  }

  wait(nowMs: number, input = BUSY): object {
    const proposal = this.core.propose(nowMs, input);
    assert(proposal.kind === 'wait', JSON.stringify(proposal));
    const { reason, untilMs, awaiting } = proposal;
    return { reason, untilMs, awaiting };
  }

  below(round: number): readonly BlockRef[] {
    return round === 1 ? this.universe.roots : refsOf(this.#at(round - 1));
  }

  #at(round: number): VerifiedHeader[] {
    this.rounds[round] ??= [];
    return this.rounds[round];
  }
}

describe('proposing', () => {
  it('starts with round 1 on the genesis blocks', () => {
    const desk = new Desk();
    const proposal = desk.core.propose(0, BUSY);
    assert.deepEqual(proposal, { kind: 'propose', round: 1, ancestors: desk.universe.roots });
  });

  it('waits for a quorum of the round below, and says for whom', () => {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [1], 1);
    assert.deepEqual(desk.wait(1), { reason: 'quorum', untilMs: undefined, awaiting: [2, 3] });
    desk.others(1, [2], 2);
    assert.equal(desk.own(2), 2);
  });

  it('waits while it may not sign', () => {
    const desk = new Desk();
    assert.deepEqual(desk.wait(0, { ...BUSY, maySign: false }), { reason: 'barred', untilMs: undefined, awaiting: [] });
  });

  it('never happens on a full node', () => {
    const proposal = new Desk().universe.core().propose(0, BUSY);
    assert.deepEqual(proposal, { kind: 'wait', reason: 'barred', untilMs: undefined, awaiting: [] });
  });

  it('references the newest block of each other member that its own history lacks', () => {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [1, 2, 3], 0);
    desk.own(0);
    desk.others(2, [1, 2], 0);
    const proposal = desk.core.propose(0, BUSY);
    assert(proposal.kind === 'propose');
    // Member 3 has nothing that the own block of round 2 does not have in its history.
    assert.deepEqual(
      proposal.ancestors.map(({ round, author }) => [round, author]),
      [
        [2, 0],
        [2, 1],
        [2, 2],
      ],
    );
  });
});

describe('waiting for leaders', () => {
  it('lasts until the leader of the round below is there', () => {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [2, 3], 10);
    assert.deepEqual(desk.wait(10), { reason: 'leader', untilMs: 10 + TIMEOUT_MS, awaiting: [1] });
    desk.others(1, [1], 20);
    assert.equal(desk.own(20), 2);
  });

  it('ends at the timeout, counted from the quorum of the round below', () => {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [2, 3], 10);
    assert.equal(desk.core.nextDeadlineMs(), 10 + TIMEOUT_MS);
    desk.wait(9 + TIMEOUT_MS);
    assert.equal(desk.own(10 + TIMEOUT_MS), 2);
  });

  it('is given up when a quorum of the own round is there', () => {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [2, 3], 10);
    const below = desk.below(2);
    desk.wait(10);
    desk.others(2, [2, 3], 20, below);
    desk.wait(20);
    desk.others(1, [1], 21, desk.universe.roots);
    desk.others(2, [1], 21, [
      ...below.filter((ref) => ref.author !== 0),
      ...desk.below(2).filter((ref) => ref.author === 1),
    ]);
    assert.equal(desk.own(21, IDLE), 2);
  });

  it('does not include a member not heard of for more than eight rounds', () => {
    const desk = new Desk();
    let nowMs = 0;
    const timeouts: number[] = [];
    for (let round = 1; round <= 20; round++) {
      const leaderIsDown = round > 1 && (round - 1) % 4 === 3;
      if (leaderIsDown && desk.core.propose(nowMs, BUSY).kind === 'wait') {
        timeouts.push(round - 1);
        nowMs += TIMEOUT_MS;
      }
      desk.own(nowMs);
      desk.others(round, [1, 2], nowMs);
    }
    // Rounds 3 and 7 are led by the silent member; by round 11 its genesis block is more than eight rounds old.
    assert.deepEqual(timeouts, [3]);
  });
});

describe('waiting for votes', () => {
  /** Members 0 to 2 have round 2, member 3 has not; the block of leader 1 at round 1 has two votes and could get a third. */
  function open(): Desk {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [1, 2, 3], 0);
    desk.own(0);
    desk.others(
      2,
      [1],
      5,
      desk.below(2).filter((ref) => ref.author !== 0),
    );
    desk.others(
      2,
      [2],
      5,
      desk.below(2).filter((ref) => ref.author !== 1),
    );
    return desk;
  }

  it('lasts while a live member can still complete the votes', () => {
    const desk = open();
    assert.deepEqual(desk.wait(5), { reason: 'votes', untilMs: 5 + TIMEOUT_MS, awaiting: [3] });
    desk.others(2, [3], 9);
    assert.equal(desk.own(9), 3);
  });

  it('ends when nobody can', () => {
    const desk = open();
    desk.wait(5);
    desk.others(
      2,
      [3],
      9,
      desk.below(2).filter((ref) => ref.author !== 1),
    );
    assert.equal(desk.own(9), 3);
  });

  it('ends at the timeout', () => {
    const desk = open();
    desk.wait(4 + TIMEOUT_MS);
    assert.equal(desk.own(5 + TIMEOUT_MS), 3);
  });
});

describe('pausing a leader', () => {
  /** Plays a round in which everybody builds at once, but member 1 not when it leads; returns how long the own block of the next round waits. */
  function play(desk: Desk, round: number, nowMs: number): number {
    desk.own(nowMs);
    const present = [1, 2, 3].filter((author) => author !== 1 || round % 4 !== 1);
    desk.others(round, present, nowMs);
    const proposal = desk.core.propose(nowMs, BUSY);
    if (proposal.kind === 'propose') return 0;
    assert.deepEqual([proposal.reason, proposal.awaiting], ['leader', [1]]);
    return assertDefined(proposal.untilMs, 'a leader is awaited for a time') - nowMs;
  }

  /** Plays until after the next slot of member 1, whose round is played at `nowMs`; returns that round's wait. */
  function nextSlot(desk: Desk, nowMs: number): number {
    const from = desk.core.lastProposedRound + 1;
    for (let round = from; ; round++) {
      const waitedMs = play(desk, round, nowMs);
      if (round % 4 !== 1) continue;
      // Goes on before time does, else the leader is awaited from the end of its pause.
      if (waitedMs === 0) play(desk, round + 1, nowMs);
      return waitedMs;
    }
  }

  it('lasts four timeouts, then eight, and is forgotten after a minute', () => {
    const desk = new Desk();
    assert.equal(nextSlot(desk, 0), TIMEOUT_MS);
    desk.core.onTimer(400);
    assert.equal(nextSlot(desk, 400), 0);
    assert.equal(nextSlot(desk, 1_999), 0);
    assert.equal(nextSlot(desk, 2_000), TIMEOUT_MS);
    desk.core.onTimer(2_400);
    assert.equal(nextSlot(desk, 5_599), 0);
    assert.equal(nextSlot(desk, 5_600), TIMEOUT_MS);
    desk.core.onTimer(65_601);
    assert.equal(nextSlot(desk, 67_200), 0);
    assert.equal(nextSlot(desk, 67_201), TIMEOUT_MS);
  });

  it('never happens before the timeout', () => {
    const desk = new Desk();
    nextSlot(desk, 0);
    desk.core.onTimer(399);
    assert.equal(desk.core.propose(399, BUSY).kind, 'wait');
  });

  it('ends for a leader that holds votes back, too', () => {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [1, 2, 3], 0);
    desk.own(0);
    const without = (author: number) => desk.below(2).filter((ref) => ref.author !== author);
    desk.others(2, [1], 0, without(0));
    desk.others(2, [2], 0, without(1));
    assert.deepEqual(desk.wait(0), { reason: 'votes', untilMs: TIMEOUT_MS, awaiting: [3] });
    desk.core.onTimer(TIMEOUT_MS);
    assert.equal(desk.core.nextDeadlineMs(), undefined);
    assert.equal(desk.own(TIMEOUT_MS), 3);
  });
});

describe('idling', () => {
  const idle = DEFAULT_PACING.idleRoundMs;

  it('slows down to one round in a while', () => {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [1, 2, 3], 5);
    assert.deepEqual(desk.wait(5, IDLE), { reason: 'idle', untilMs: idle, awaiting: [] });
    assert.equal(desk.own(idle, IDLE), 2);
  });

  it('ends for anything to do', () => {
    for (const input of [
      { eligible: true },
      { due: true },
      { unexecutedInView: true },
      { due: true, payloadBarred: true },
    ]) {
      const desk = new Desk();
      desk.own(0);
      desk.others(1, [1, 2, 3], 5);
      assert.equal(desk.own(5, { ...IDLE, ...input }), 2);
    }
  });

  it('does not end for transactions that may not be proposed', () => {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [1, 2, 3], 5);
    assert.deepEqual(desk.wait(5, { ...BUSY, payloadBarred: true }), { reason: 'idle', untilMs: idle, awaiting: [] });
  });

  it('joins sooner when somebody has begun the round', () => {
    const desk = new Desk();
    desk.own(0);
    desk.others(1, [1, 2, 3], 5);
    desk.others(2, [3], 10);
    assert.deepEqual(desk.wait(10, IDLE), { reason: 'idle', untilMs: DEFAULT_PACING.idleJoinMs, awaiting: [] });
  });
});

describe('the delay between rounds', () => {
  for (const [load, delayMs] of [
    [0, 0],
    [0.25, 0],
    [0.625, 13],
    [1, 25],
    [7, 25],
  ] as const) {
    it(`is ${delayMs} ms at a load of ${load}`, () => {
      const desk = new Desk();
      desk.own(100);
      desk.others(1, [1, 2, 3], 100);
      if (delayMs > 0) {
        assert.deepEqual(desk.wait(100, { ...BUSY, load }), { reason: 'delay', untilMs: 100 + delayMs, awaiting: [] });
      }
      assert.equal(desk.own(100 + delayMs, { ...BUSY, load }), 2);
    });
  }
});

describe('the leader timeout', () => {
  /** Rounds in which every block blames the leader of the round below as far as a quorum allows: no slot is ever decided. */
  function withoutCommits(desk: Desk, from: number, to: number, nowMs: number): void {
    for (let round = from; round <= to; round++) {
      const leader = (round - 1) % 4;
      const below = desk.below(round);
      const split = (author: number) =>
        author % 2 === 0 || author === leader ? below : below.filter((ref) => ref.author !== leader);
      for (const author of [0, 1, 2, 3]) desk.others(round, [author], nowMs, round === 1 ? below : split(author));
    }
  }

  it('grows by half with every ten rounds without a commit, to three seconds', () => {
    const desk = new Desk();
    const seen = [desk.core.leaderTimeoutMs];
    for (let tens = 0; tens < 7; tens++) {
      withoutCommits(desk, tens * 10 + 1, tens * 10 + 10, 0);
      seen.push(Math.round(desk.core.leaderTimeoutMs));
    }
    assert.equal(desk.core.lastCommit.index, 0);
    assert.deepEqual(seen, [400, 600, 900, 1_350, 2_025, 3_000, 3_000, 3_000]);
  });

  it('ends all pauses when it grows', () => {
    const desk = new Desk();
    desk.others(1, [0, 2, 3], 0);
    desk.core.onTimer(TIMEOUT_MS);
    assert.equal(desk.core.propose(TIMEOUT_MS, BUSY).kind, 'propose');
    withoutCommits(desk, 2, 12, TIMEOUT_MS);
    assert.equal(desk.core.leaderTimeoutMs, 600);
    desk.others(13, [0, 2, 3], TIMEOUT_MS);
    assert.deepEqual(desk.wait(TIMEOUT_MS), { reason: 'leader', untilMs: TIMEOUT_MS + 600, awaiting: [1] });
  });

  it('is back where it began at a commit', () => {
    const desk = new Desk();
    withoutCommits(desk, 1, 10, 0);
    assert.equal(desk.core.leaderTimeoutMs, 600);
    for (let round = 11; round <= 16; round++) desk.others(round, [0, 1, 2, 3], 0);
    assert(desk.core.lastCommit.index > 0);
    assert.equal(desk.core.leaderTimeoutMs, 400);
  });
});

describe('skipping a round', () => {
  it('happens only when all its slots are decided', () => {
    const desk = new Desk();
    for (let round = 1; round <= 6; round++) desk.others(round, [1, 2, 3], 0);
    // Leaders of rounds 1 to 4 are decided by members 1 to 3 alone, so the own block of round 5 is the first that matters.
    assert.equal(desk.core.lastCommit.leaderRound, 3);
    assert.equal(desk.core.statusOf({ round: 4, offset: 0 }).decision, 'direct-skip');
    assert.equal(desk.own(0), 5);
    assert.equal(desk.own(0), 6);
    assert.equal(desk.own(0), 7);
  });
});
