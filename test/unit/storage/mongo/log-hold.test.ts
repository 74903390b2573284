import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { LogHold } from '../../../../src/storage/mongo/log-hold.ts';
import { VirtualTime } from '../../../support/virtual-time.ts';

const OPTIONS = { behindMs: 5_000, behindCommits: 100 };
const NOTHING = Number.POSITIVE_INFINITY;

interface Bed {
  readonly time: VirtualTime;
  readonly hold: LogHold;
}

function bed(upMs = OPTIONS.behindMs + 1): Bed {
  const time = new VirtualTime();
  const hold = new LogHold(OPTIONS, time);
  time.advance(upMs);
  return { time, hold };
}

suite('the log waits for an archive', () => {
  test('from its cursor on, while it is not further behind than it may be', () => {
    const { hold } = bed();
    hold.archived({ height: 50, timeMs: 1_000 });
    assert.equal(hold.from({ height: 60, timeMs: 6_000 }), 51);
    assert.equal(hold.from({ height: 60, timeMs: 6_001 }), NOTHING, 'too long');
    assert.equal(hold.from({ height: 150, timeMs: 2_000 }), 51);
    assert.equal(hold.from({ height: 151, timeMs: 2_000 }), NOTHING, 'too many');
  });

  test('no longer if it moves, but more slowly than the chain', () => {
    const { time, hold } = bed(0);
    let [archived, last] = [0, 0];
    let heldCommits = 0;
    for (let second = 1; second <= 60; second++) {
      time.advance(1_000);
      last += 10;
      archived += 5;
      hold.archived({ height: archived, timeMs: archived * 100 });
      const from = hold.from({ height: last, timeMs: last * 100 });
      if (from !== NOTHING) heldCommits = Math.max(heldCommits, last + 1 - from);
    }
    assert.ok(heldCommits > 0, 'at first it is waited for');
    assert.equal(hold.from({ height: last, timeMs: last * 100 }), NOTHING);
    assert.ok(heldCommits <= OPTIONS.behindCommits, `${heldCommits} commits`);
  });

  test('after a start whatever time it is behind by: the node was away, or has not heard of the archive yet', () => {
    const { time, hold } = bed(0);
    const last = { height: 60, timeMs: 3_600_000 };
    assert.equal(hold.from(last), 1);
    hold.archived({ height: 50, timeMs: 1_000 });
    time.advance(OPTIONS.behindMs);
    assert.equal(hold.from(last), 51);
    time.advance(1);
    assert.equal(hold.from(last), NOTHING);
  });

  test('never for more than so many commits, however often the node starts', () => {
    const { time, hold } = bed(0);
    assert.equal(hold.from({ height: 1_000, timeMs: 0 }), 901);
    time.advance(OPTIONS.behindMs + 1);
    assert.equal(hold.from({ height: 1_000, timeMs: 0 }), NOTHING, 'its server never answered');
    const { hold: again } = bed(0);
    again.archived({ height: 899, timeMs: 0 });
    assert.equal(again.from({ height: 1_000, timeMs: 0 }), NOTHING);
  });

  test('that is up to date, or ahead because another node writes it, and holds nothing back', () => {
    const { hold } = bed();
    for (const height of [60, 61, 1_000]) {
      hold.archived({ height, timeMs: height });
      assert.ok(hold.from({ height: 60, timeMs: 60 }) > 60);
    }
  });

  test('while the chain stands still, however long: nothing grows', () => {
    const { time, hold } = bed();
    hold.archived({ height: 50, timeMs: 1_000 });
    for (let hour = 0; hour < 48; hour++) {
      time.advance(3_600_000);
      assert.equal(hold.from({ height: 60, timeMs: 2_000 }), 51);
    }
  });

  test('and holds no more than its limits from the first commit that is missing, whatever happens', () => {
    const commits = fc.array(fc.record({ stepMs: fc.nat(2_000), archives: fc.nat(4), growth: fc.nat(60) }));
    fc.assert(
      fc.property(commits, (steps) => {
        const { hold } = bed();
        const timesMs = [0];
        let archived = 0;
        for (const { stepMs, archives, growth } of steps) {
          for (let i = 0; i < growth; i++) timesMs.push((timesMs.at(-1) as number) + stepMs);
          const last = timesMs.length - 1;
          archived = Math.min(last, archived + archives);
          hold.archived({ height: archived, timeMs: timesMs[archived] as number });
          const from = hold.from({ height: last, timeMs: timesMs[last] as number });
          if (from === NOTHING) continue;
          assert.equal(from, archived + 1);
          assert.ok(last - archived <= OPTIONS.behindCommits);
          assert.ok((timesMs[last] as number) - (timesMs[archived] as number) <= OPTIONS.behindMs);
        }
      }),
    );
  });
});
