import assert from 'node:assert/strict';
import { it } from 'node:test';
import { linkPosture } from '../../../src/network/posture.ts';

it('names the protection of noise and nothing for what it does not know', () => {
  assert.deepEqual(linkPosture('/noise', 5), { encryption: '/noise', keyExchange: 'X25519', category: 0, sinceMs: 5 });
  assert.deepEqual(linkPosture('/plaintext/2.0.0', 5), {
    encryption: '/plaintext/2.0.0',
    keyExchange: 'none',
    category: 0,
    sinceMs: 5,
  });
  assert.deepEqual(linkPosture(undefined, 5), { encryption: 'none', keyExchange: 'none', category: 0, sinceMs: 5 });
});
