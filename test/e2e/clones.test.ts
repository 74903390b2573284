import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { TestDevnet, until } from '../support/devnet.ts';
import { countLost, type FinalTransfer, Load, lastCommit } from '../support/load.ts';
import { type Outcome, Rivals } from '../support/rivals.ts';

const ALL = [0, 1, 2, 3];
/** The validator whose identity is used twice. */
const VALIDATOR = 3;
/** Exit status of a process that gave way: docs/cli.md. */
const IN_USE = 6;
/** Between transfers: what is shown takes time, not blocks, and a long log delays a start. */
const PAUSE_MS = 250;

suite('two processes with one identity', () => {
  let devnet: TestDevnet;
  let rivals: Rivals | undefined;

  before(async () => {
    devnet = await TestDevnet.start();
  });

  after(() => devnet?.stop());

  afterEach(() => rivals?.abandon());

  /** Transfers through another validator become final before, while `disturb` runs, and after; nobody holds two blocks of a round. */
  async function underLoad(disturb: (more: () => Promise<void>) => Promise<void>): Promise<void> {
    const load = await Load.start(devnet, [0], 5_000, PAUSE_MS);
    const more = (): Promise<void> => {
      const wanted = load.finals.length + 5;
      return until(() => load.finals.length >= wanted, '5 more final transfers');
    };
    try {
      await disturb(more);
      await more();
    } finally {
      await load.stop();
    }
    await assertOneHistory(load.finals);
  }

  async function assertOneHistory(finals: readonly FinalTransfer[]): Promise<void> {
    for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(finals));
    const { statements } = await devnet.checkpointStatements(ALL);
    assert.equal(new Set(statements).size, 1);
    for (const validator of ALL) assert.equal(await countLost(devnet.client(validator), finals), 0);
  }

  async function assertOneSpoke(outcome: Outcome): Promise<void> {
    assert.equal(outcome.status, IN_USE, outcome.error);
    assert.match(outcome.error, /^IDENTITY_IN_USE: /);
    assert.equal(outcome.overlap, 0);
    assert.deepEqual(await rivals?.twins(), []);
    assert.deepEqual(rivals?.alarms(), []);
  }

  test('a copy that is started beside the running one ends and has signed nothing', async () => {
    await underLoad(async (more) => {
      rivals = await Rivals.ofStopped(devnet, VALIDATOR, 'everything');
      rivals.start('original');
      await rivals.untilSpeaks('original');
      rivals.start('clone');
      const outcome = await rivals.outcome();
      assert.deepEqual([outcome.speaker, outcome.signed], ['original', 0]);
      await assertOneSpoke(outcome);
      await more();
      await rivals.end(outcome);
    });
  });

  test('of two that start at the same moment from the same files one speaks, and the other ends', async () => {
    await underLoad(async (more) => {
      rivals = await Rivals.ofStopped(devnet, VALIDATOR, 'everything');
      rivals.start('clone');
      rivals.start('original');
      const outcome = await rivals.outcome();
      await assertOneSpoke(outcome);
      await more();
      await rivals.end(outcome);
    });
  });

  test('one that wakes after a copy took over says nothing more, and ends', async () => {
    await underLoad(async (more) => {
      rivals = await Rivals.ofHeld(devnet, VALIDATOR, 'everything');
      rivals.start('clone');
      await rivals.untilSpeaks('clone');
      await rivals.wake();
      const outcome = await rivals.outcome();
      assert.deepEqual([outcome.speaker, outcome.sent], ['clone', 0]);
      await assertOneSpoke(outcome);
      await more();
      await rivals.end(outcome);
    });
  });
});
