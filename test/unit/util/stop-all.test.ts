import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stopAll } from '../../../src/util/stop-all.ts';

describe('stopAll', () => {
  it('stops all, the last first, also behind one that fails', async () => {
    const stopped: string[] = [];
    const part =
      (name: string, fails = false) =>
      async (): Promise<void> => {
        stopped.push(name);
        if (fails) throw new Error(`${name} refuses`);
      };
    const stops = [part('lock'), part('receipts', true), part('pool', true), part('api')];
    await assert.rejects(stopAll(stops), /pool refuses/);
    assert.deepEqual(stopped, ['api', 'pool', 'receipts', 'lock']);
    await stopAll(stops);
    assert.equal(stopped.length, 4, 'each is stopped once');
  });
});
