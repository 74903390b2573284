import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { negotiatedGroup } from '../../../src/util/tls-group.ts';

/** The server's end of a connection whose session ends in these bytes. */
function server(session: string | undefined): TLSSocket {
  return serverOf(session === undefined ? undefined : Buffer.from(session, 'hex'));
}

function serverOf(bytes: Buffer | undefined): TLSSocket {
  return { getEphemeralKeyInfo: () => null, getSession: () => bytes } as unknown as TLSSocket;
}

const client = (key: object): TLSSocket => ({ getEphemeralKeyInfo: () => key }) as unknown as TLSSocket;

describe('negotiated group', () => {
  it('is read from the session at the server, whatever stands before it', () => {
    const cases: readonly (readonly [string, string, number])[] = [
      ['300c0201010402aabbb30302011d', 'X25519', 0],
      ['300d0201010402aabbb304020211ec', 'X25519MLKEM768', 3],
      ['3082000d0201010402aabbb304020211ed', 'SecP384r1MLKEM1024', 5],
      ['3006b304020211ff', 'group 4607', 0],
    ];
    for (const [session, name, category] of cases)
      assert.deepEqual(negotiatedGroup(server(session)), { name, category }, session);
  });

  it('leaves nothing of the session behind', () => {
    const bytes = Buffer.from('3006b304020211ed', 'hex');
    negotiatedGroup(serverOf(bytes));
    assert.ok(bytes.every((byte) => byte === 0));
  });

  it('is unknown, hence classical, where the session does not tell', () => {
    for (const session of [undefined, '', '30', '3003020101', '3006b3040401ab01', '30ff', '0203010203'])
      assert.deepEqual(negotiatedGroup(server(session)), { name: 'unknown', category: 0 }, String(session));
  });

  it('is what Node says at the client', () => {
    const hybrid = { type: 'TLSGroup', name: 'SecP384r1MLKEM1024' };
    assert.deepEqual(negotiatedGroup(client(hybrid)), { name: 'SecP384r1MLKEM1024', category: 5 });
    assert.deepEqual(negotiatedGroup(client({ name: 'prime256v1' })), { name: 'prime256v1', category: 0 });
    assert.deepEqual(negotiatedGroup(client({})), { name: 'unknown', category: 0 });
  });
});
