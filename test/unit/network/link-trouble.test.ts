import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkRefusal } from '../../../src/network/link-refusal.ts';
import { dialTrouble, refusalTrouble } from '../../../src/network/link-trouble.ts';

test('a dial that nothing listened to is told from one that failed otherwise', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:1');
  assert.deepEqual(dialTrouble(refused), { code: 'CONNECTION_REFUSED', detail: refused.message });
  assert.deepEqual(dialTrouble('stream reset'), { code: 'DIAL_FAILED', detail: 'stream reset' });
});

test('a refused handshake keeps its code, and says it once', () => {
  const refusal = new LinkRefusal('OTHER_NETWORK', 'the certificate names another network');
  assert.deepEqual(refusalTrouble(refusal), { code: 'OTHER_NETWORK', detail: 'the certificate names another network' });
});
