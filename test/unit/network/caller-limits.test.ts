import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CallerLimits } from '../../../src/network/caller-limits.ts';
import { CALLER_HOLD_MS, MAX_PENDING_PER_PEER } from '../../../src/network/limits.ts';

describe('limits of callers', () => {
  let nowMs = 0;
  const limits = () => new CallerLimits({ wallMs: () => 0, monotonicMs: () => nowMs });
  const held = { code: 'CALLER_HELD', fields: { peerId: 'a' } };

  it('lets each caller have so many handshakes at once', () => {
    const callers = limits();
    for (let i = 0; i < MAX_PENDING_PER_PEER; i++) callers.begin('a');
    assert.throws(() => callers.begin('a'), held);
    callers.begin('b');
    callers.end('a', false);
    callers.begin('a');
    assert.throws(() => callers.begin('a'), held);
  });

  it('holds a caller that spoiled one, and nobody else', () => {
    const callers = limits();
    callers.begin('a');
    callers.end('a', true);
    callers.begin('b');
    nowMs += CALLER_HOLD_MS - 1;
    assert.throws(() => callers.begin('a'), held);
    nowMs += 1;
    callers.begin('a');
  });
});
