import assert from 'node:assert/strict';
import { it } from 'node:test';
import { linkPosture } from '../../../src/network/posture.ts';
import type { TlsSession } from '../../../src/network/tls-session.ts';

const session = (group: string, category: number): TlsSession =>
  ({
    negotiated: { version: 'TLSv1.3', group, category, cipher: 'TLS_AES_256_GCM_SHA384', resumed: false },
    peer: { keyAlgorithm: 'ML-DSA-87', keySequence: 2 },
  }) as unknown as TlsSession;

it('says of a link what its handshake agreed on, and the category of the weakest part', () => {
  assert.deepEqual(linkPosture('/av10/tls/1', session('SecP384r1MLKEM1024', 5), 7), {
    encryption: '/av10/tls/1',
    keyExchange: 'SecP384r1MLKEM1024',
    authentication: 'ML-DSA-87',
    cipher: 'TLS_AES_256_GCM_SHA384',
    category: 5,
    keySequence: 2,
    sinceMs: 7,
  });
  assert.equal(linkPosture('/av10/tls/1', session('X25519', 0), 7).category, 0);
});
