import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { archiveMetrics } from '../../../../src/storage/metrics.ts';
import { ArchiveThread } from '../../../../src/storage/mongo/archive-thread.ts';
import { NO_INSTRUMENTS } from '../../../../src/util/instruments.ts';
import { SILENT_LOGGER } from '../../../../src/util/logger.ts';
import { VirtualTime } from '../../../support/virtual-time.ts';
import { NETWORK } from './fixture.ts';

const HOLD_MS = 5_000;

suite('an archive thread', () => {
  test('asks for the log from its cursor on, for a time', () => {
    const time = new VirtualTime();
    const data = { address: { uri: '', database: '' }, level: 'blocks', networkId: NETWORK } as const;
    const thread = new ArchiveThread({ ...data, genesis: new Uint8Array(0), directory: 'log' }, 0, {
      ...{ clock: time, timers: time, logger: SILENT_LOGGER, metrics: archiveMetrics(NO_INSTRUMENTS) },
      progress: () => ({ durable: 0, final: 0, receiptsFrom: 1, receiptsThrough: 0 }),
      place: () => ({ position: undefined, oldest: 1 }),
      receipt: () => undefined,
    });
    assert.equal(thread.neededFrom(HOLD_MS), 1);
    time.advance(HOLD_MS);
    assert.equal(thread.neededFrom(HOLD_MS), 1);
    time.advance(1);
    assert.equal(thread.neededFrom(HOLD_MS), Number.POSITIVE_INFINITY);
  });
});
