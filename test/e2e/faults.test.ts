import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Prng } from '../../src/util/prng.ts';
import { TestDevnet, until } from '../support/devnet.ts';
import { cannot, FalseClock, Injection } from '../support/disturbance.ts';
import { countLost, type FinalTransfer, Load, lastCommit } from '../support/load.ts';
import { ProxyMesh } from '../support/proxy-mesh.ts';

const ALL = [0, 1, 2, 3];
const OTHERS = [0, 1, 2];
/** The validator that suffers alone. */
const VICTIM = 3;
const LEASE_MS = 3_000;

suite('a devnet under faults', () => {
  let devnet: TestDevnet;
  let mesh: ProxyMesh | undefined;
  const finals: FinalTransfer[] = [];

  before(async () => {
    devnet = await TestDevnet.start();
  });

  after(async () => {
    await devnet?.stop();
    mesh?.close();
  });

  /** Whatever was done to them: one history, nothing final lost, nobody saw two blocks of one author in a round. */
  afterEach(async () => {
    for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(finals));
    const { statements } = await devnet.checkpointStatements(ALL);
    assert.equal(new Set(statements).size, 1);
    for (const validator of ALL) assert.equal(await countLost(devnet.client(validator), finals), 0);
    assert.deepEqual(devnet.alarms(), []);
  });

  /** Runs `disturb` while transfers go through these validators; others must become final while it is disturbed and after. */
  async function underLoad(
    through: readonly number[],
    disturb: (more: (count: number) => Promise<void>) => Promise<void>,
  ) {
    const load = await Load.start(devnet, through);
    try {
      const more = (count: number): Promise<void> => {
        const wanted = load.finals.length + count;
        return until(() => load.finals.length >= wanted, `${count} more final transfers`);
      };
      await more(5);
      await disturb(more);
      await more(5);
    } finally {
      await load.stop();
      finals.push(...load.finals);
    }
  }

  test('kill -9 of all, one after the other at random moments, with snapshots in between', async (context) => {
    const seed = Date.now() % 0x1_0000_0000;
    context.diagnostic(`seed ${seed}`);
    const prng = new Prng(seed);
    await devnet.kill(VICTIM);
    devnet.restart(VICTIM, '--snapshot-every-seconds', '1');
    await devnet.untilHealthy(VICTIM);
    const load = await Load.start(devnet, ALL);
    await until(() => says(devnet, 0, /snapshot written/), 'a snapshot of the validator');
    const wanted = load.finals.length + 10;
    await until(() => load.finals.length >= wanted, '10 final transfers after it');
    for (const validator of prng.shuffle(ALL)) {
      await delay(prng.below(100));
      await devnet.kill(validator);
    }
    await load.stop();
    finals.push(...load.finals);
    for (const validator of ALL) devnet.restart(validator);
    await Promise.all(ALL.map((validator) => devnet.untilHealthy(validator)));
  });

  test('a validator that stood still for longer than its lease goes on with a new one', async () => {
    await underLoad(OTHERS, async (more) => {
      devnet.signal(VICTIM, 'SIGSTOP');
      try {
        const silentMs = async (): Promise<number> => {
          const { peers } = await devnet.client(0).status();
          return peers.find(({ name }) => name === devnet.file.validators[VICTIM]?.name)?.lastSeenMs ?? 0;
        };
        await until(async () => (await silentMs()) > LEASE_MS, 'nothing heard for a lease');
        await more(5);
      } finally {
        devnet.signal(VICTIM, 'SIGCONT');
      }
      await devnet.untilHealthy(VICTIM);
      await devnet.untilProposes(VICTIM);
    });
  });

  test('a disk that refuses stops one validator from signing, until it takes writes again', {
    skip: cannot('strace'),
  }, async () => {
    await underLoad(OTHERS, async (more) => {
      for (const [calls, how, reason] of [
        ['fdatasync', 'error=EIO', /IO_ERROR/],
        ['pwrite64,pwritev', 'error=ENOSPC', /DISK_FULL/],
        ['fdatasync', 'delay_enter=5s', /one write takes \d s so far/],
      ] as const) {
        const injection = await Injection.begin(devnet.pid(VICTIM), calls, how);
        try {
          const { status, body } = await devnet.untilReadiness(
            VICTIM,
            `DISK after ${how}`,
            ({ body: { ableToSign } }) => ableToSign.code === 'DISK',
          );
          assert.equal(status, 503);
          assert.match(body.ableToSign.reason ?? '', reason);
          await more(5);
        } finally {
          await injection.end();
        }
        await devnet.untilReadiness(VICTIM, `200 after ${how}`, ({ status }) => status === 200);
        await devnet.untilProposes(VICTIM);
      }
    });
  });

  test('a clock that jumps changes nothing but what the log says of it', { skip: cannot('faketime') }, async () => {
    const clock = new FalseClock();
    try {
      await devnet.kill(VICTIM);
      devnet.restartIn(clock.room, VICTIM);
      await devnet.untilHealthy(VICTIM);
      await underLoad(ALL, async (more) => {
        for (const time of ['-3600', '+30']) {
          const from = devnet.logBytes(VICTIM);
          clock.set(time);
          await until(() => says(devnet, from, /clock is off/), `the log says that a clock at ${time} is off`);
          await more(10);
          assert.equal((await devnet.readiness(VICTIM)).status, 200);
          clock.set('+0');
          await until(() => says(devnet, from, /clock agrees/), 'the log says that the clock agrees again');
        }
      });
    } finally {
      clock.remove();
    }
  });

  test('links that delay, that fall silent one way, and that break', async () => {
    mesh = await ProxyMesh.around(devnet, 1);
    const links = mesh;
    await underLoad(OTHERS, async (more) => {
      links.set({ latencyMs: 10, jitterMs: 10 });
      await more(10);
      links.setFrom(VICTIM, { stalled: true });
      await devnet.untilReadiness(VICTIM, 'no lease', ({ body }) => body.ableToSign.code === 'NO_LEASE');
      await more(5);
      links.setFrom(VICTIM, { stalled: false });
      await devnet.untilReadiness(VICTIM, '200', ({ status }) => status === 200);
      links.cut([0, 1], [2, 3]);
      for (const validator of ALL)
        await devnet.untilReadiness(validator, 'no lease', ({ body }) => body.ableToSign.code === 'NO_LEASE');
      links.mend();
      await Promise.all(ALL.map((validator) => devnet.untilHealthy(validator)));
    });
  });
});

function says(devnet: TestDevnet, fromByte: number, message: RegExp): boolean {
  return devnet.logLines(VICTIM, fromByte).some(({ msg }) => message.test(msg));
}
