import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { archiveMetrics } from '../../../../src/storage/metrics.ts';
import { ArchiveStanding } from '../../../../src/storage/mongo/archive-standing.ts';
import { LogHold } from '../../../../src/storage/mongo/log-hold.ts';
import type { TimedReport } from '../../../../src/storage/mongo/messages.ts';
import { CountingInstruments } from '../../../support/counting-instruments.ts';
import { VirtualTime } from '../../../support/virtual-time.ts';

const LAST = { height: 100, timeMs: 100_000 };
const GENESIS_MS = -5_000;

function bed() {
  const time = new VirtualTime(LAST.timeMs);
  const instruments = new CountingInstruments();
  const hold = new LogHold({ behindMs: 60_000, behindCommits: 1_000 }, time);
  const metrics = archiveMetrics(instruments);
  const standing = new ArchiveStanding(GENESIS_MS, { clock: time, metrics, hold, final: () => LAST.height });
  return { time, instruments, hold, standing };
}

function report(height: number, given: Partial<TimedReport> = {}): TimedReport {
  const cursor = { height, timeMs: height * 1_000 };
  return { state: 'archiving', cursor, documents: 0, bytes: 0, failures: 0, missing: 0, cpuSeconds: 0, ...given };
}

suite('what the archive thread reports', () => {
  test('moves the log that waits', () => {
    const { time, hold, standing } = bed();
    assert.equal(hold.from(LAST), 1);
    standing.reported(report(90));
    assert.equal(hold.from(LAST), 91);
    standing.reported(report(0, { state: 'connecting' }));
    assert.equal(hold.from(LAST), 91, 'a new thread that does not know yet');
    time.advance(60_001);
    assert.equal(hold.from(LAST), 91);
    standing.reported(report(30));
    assert.equal(hold.from(LAST), Number.POSITIVE_INFINITY, 'it moved, and is 70 s behind');
  });

  test('is the lag, from the genesis on before anything is archived', () => {
    const { instruments, standing } = bed();
    const lag = () => ['av10_archive_lag_commits', 'av10_archive_lag_seconds'].map((name) => instruments.total(name));
    standing.measureLag();
    assert.deepEqual(lag(), [100, 105]);
    standing.reported(report(97));
    assert.deepEqual(lag(), [3, 3]);
    standing.reported(report(100));
    assert.deepEqual(lag(), [0, 0]);
  });

  test('adds up the time of one thread after the other', () => {
    const { instruments, standing } = bed();
    for (const cpuSeconds of [1, 3]) standing.reported(report(1, { cpuSeconds }));
    standing.threadEnded();
    for (const cpuSeconds of [0.5, 2]) standing.reported(report(1, { cpuSeconds }));
    assert.equal(instruments.total('av10_archive_cpu_seconds_total'), 5);
  });
});
