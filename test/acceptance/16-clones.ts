/**
 * Two processes with one identity, whenever the second starts and whenever the first is held by SIGSTOP: one makes blocks, the other ends with
 * IDENTITY_IN_USE, and nobody is sent two blocks of one round. Of `offsets`, `holds`, `wakes` and `old-copies` those given as arguments run,
 * without any all do.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Evidence, mustAgree, mustHoldAll, onDevnet, seconds } from '../support/acceptance.ts';
import { type TestDevnet, until } from '../support/devnet.ts';
import { Load } from '../support/load.ts';
import { type Copied, Rivals } from '../support/rivals.ts';

const VALIDATORS = [0, 1, 2, 3];
const VALIDATOR = 3;
/** Exit status of a process that gave way, and of one that got the lease with an old guard: docs/cli.md. */
const IN_USE = 6;
const NEEDS_RECOVERY = 3;
/** After the first, around the lease of 3 s and the hold of 5 s of docs/spec/wire.md, and long after. A start itself takes about 1 s. */
const START_OFFSETS_MS = [
  0, 100, 300, 700, 1_000, 1_900, 2_100, 2_900, 3_100, 3_900, 4_100, 4_900, 5_100, 6_000, 7_000, 20_000,
];
const START_OFFSETS_OF_KEYS_MS = [0, 700, 2_100, 3_100, 5_100, 20_000];
/** For so long the first is held, while a copy that was taken meanwhile runs. */
const HOLDS_MS = [1_000, 2_000, 2_900, 3_100, 4_000, 4_500, 4_900, 5_000, 5_100, 5_500, 6_000, 7_000, 9_000, 15_000];
/** The first is woken so long after the copy was up: around the moment when the peers serve the copy. */
const WAKES_AFTER_START_MS = [0, 500, 1_000, 2_000, 3_000, 4_000, 5_000, 7_000, 10_000];
/** The same with a copy that was taken before the first made more blocks. */
const HOLDS_OF_OLD_COPY_MS = [3_100, 4_900, 5_100, 7_000];
const MORE_TRANSFERS = 5;
/** Between transfers: what is shown takes time, not blocks, and a long log delays a start. */
const PAUSE_MS = 500;

const isAsked = (part: string): boolean => process.argv.length < 3 || process.argv.includes(part);

const evidence = new Evidence();
await onDevnet(evidence, {}, async (devnet) => {
  const load = await Load.start(devnet, [0, 1], 5_000, PAUSE_MS);
  if (isAsked('offsets')) {
    for (const offsetMs of START_OFFSETS_MS) await startedAfter(devnet, load, 'everything', offsetMs);
    for (const offsetMs of START_OFFSETS_OF_KEYS_MS) await startedAfter(devnet, load, 'keys', offsetMs);
  }
  if (isAsked('holds')) {
    for (const heldMs of HOLDS_MS) await heldWhileCloned(devnet, load, heldMs);
  }
  if (isAsked('wakes')) {
    for (const afterMs of WAKES_AFTER_START_MS) await heldUntilCloneRuns(devnet, load, afterMs);
  }
  if (isAsked('old-copies')) {
    for (const heldMs of HOLDS_OF_OLD_COPY_MS) await heldBesideOldCopy(devnet, load, heldMs);
  }
  await load.stop();
  evidence.figure('transfers', { final: load.finals.length, unknown: load.unknown });
  await mustAgree(evidence, devnet, VALIDATORS);
  await mustHoldAll(evidence, devnet, VALIDATORS, load.finals);
});
evidence.finish();

async function startedAfter(devnet: TestDevnet, load: Load, copied: Copied, offsetMs: number): Promise<void> {
  const rivals = await Rivals.ofStopped(devnet, VALIDATOR, copied);
  rivals.start('original');
  await delay(offsetMs);
  rivals.start('clone');
  await mustEndOne(`copy of ${copied} started ${seconds(offsetMs)} s after`, rivals, load);
}

async function heldWhileCloned(devnet: TestDevnet, load: Load, heldMs: number): Promise<void> {
  const rivals = await Rivals.ofHeld(devnet, VALIDATOR, 'everything');
  rivals.start('clone');
  await rivals.wake(heldMs);
  await mustEndOne(`held for ${seconds(heldMs)} s, copied meanwhile`, rivals, load);
}

async function heldUntilCloneRuns(devnet: TestDevnet, load: Load, afterMs: number): Promise<void> {
  const rivals = await Rivals.ofHeld(devnet, VALIDATOR, 'everything');
  rivals.start('clone');
  await rivals.untilStarted('clone');
  await delay(afterMs);
  await rivals.wake();
  await mustEndOne(`woken ${seconds(afterMs)} s after a copy was up`, rivals, load);
}

async function heldBesideOldCopy(devnet: TestDevnet, load: Load, heldMs: number): Promise<void> {
  const rivals = await Rivals.ofStopped(devnet, VALIDATOR, 'everything');
  rivals.start('original');
  await rivals.untilSpeaks('original');
  rivals.hold();
  rivals.start('clone');
  await rivals.wake(heldMs);
  await mustEndOne(`held for ${seconds(heldMs)} s beside an older copy`, rivals, load, [IN_USE, NEEDS_RECOVERY]);
}

async function mustEndOne(
  what: string,
  rivals: Rivals,
  load: Load,
  statuses: readonly (number | null)[] = [IN_USE],
): Promise<void> {
  const startedMs = performance.now();
  try {
    const outcome = await rivals.outcome();
    const twins = await rivals.twins();
    const alarms = rivals.alarms();
    evidence.figure(what, { ...outcome, endedSeconds: seconds(performance.now() - startedMs) });
    evidence.must(statuses.includes(outcome.status), `${what}: one gave way with status ${outcome.status}`);
    evidence.must(outcome.overlap === 0, `${what}: the two spoke one after the other, if both did`);
    evidence.must(
      outcome.speaker === 'clone' || outcome.signed === 0,
      `${what}: a copy signed ${outcome.signed} blocks`,
    );
    evidence.must(twins.length === 0, `${what}: two blocks for ${twins.length} rounds at the others`);
    evidence.must(alarms.length === 0, `${what}: alarms ${alarms.join('; ')}`);
    const wanted = load.finals.length + MORE_TRANSFERS;
    await until(() => load.finals.length >= wanted, `${what}: transfers go on`);
    await rivals.end(outcome);
  } finally {
    await rivals.abandon();
  }
}
