import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Api } from '../../../src/api/index.ts';
import { negotiatedGroup } from '../../../src/util/tls-group.ts';
import { testApi } from '../../support/api-requests.ts';
import { eventually } from '../../support/eventually.ts';
import { type StubNetwork, StubService, stubNetwork } from '../../support/stub-service.ts';
import { certificateOf, EC_KEY, pemOf } from '../../support/test-certificate.ts';

const tls = { cert: Buffer.from(certificateOf(EC_KEY)), key: Buffer.from(pemOf(EC_KEY.key)) };

describe('API over TLS', () => {
  let network: StubNetwork;
  let api: Api;
  let port: number;
  let clients: TLSSocket[];

  before(async () => {
    network = await stubNetwork();
  });
  beforeEach(async () => {
    api = testApi(new StubService(network), { tls });
    const url = new URL(await api.start());
    assert.equal(url.protocol, 'https:');
    port = Number(url.port);
    clients = [];
  });
  afterEach(async () => {
    for (const client of clients) client.destroy();
    await api.stop();
  });

  async function client(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    clients.push(socket);
    await once(socket, 'secureConnect');
    return socket;
  }

  const open = (): Record<string, number> =>
    Object.fromEntries([...api.connections.byGroup].map(([{ name }, count]) => [name, count]));

  it('answers, by a hybrid group for a client of Node that asks for nothing special', async () => {
    const request = get({ port, host: '127.0.0.1', path: '/live', rejectUnauthorized: false });
    const [response] = await once(request, 'response');
    assert.equal(response.statusCode, 200);
    assert.deepEqual(negotiatedGroup(response.socket), { name: 'X25519MLKEM768', category: 3 });
    response.resume();
  });

  it('takes the strongest group that the client has, and knows which that was', async () => {
    const cases: [groups: string, expected: string][] = [
      ['X25519:SecP384r1MLKEM1024', 'SecP384r1MLKEM1024'],
      ['X25519:X25519MLKEM768', 'X25519MLKEM768'],
      ['X25519', 'X25519'],
    ];
    for (const [ecdhCurve, expected] of cases) {
      const socket = await client({ ecdhCurve });
      assert.equal(negotiatedGroup(socket).name, expected);
      await eventually(() => open()[expected] === 1, expected);
    }
    assert.deepEqual(open(), { SecP384r1MLKEM1024: 1, X25519MLKEM768: 1, X25519: 1 });
    for (const socket of clients) socket.destroy();
    await eventually(() => Object.keys(open()).length === 0, 'nobody left');
  });

  it('refuses TLS 1.2 and plain HTTP, and goes on', async () => {
    await assert.rejects(client({ maxVersion: 'TLSv1.2' }), (error: NodeJS.ErrnoException) => {
      assert.match(String(error.code), /PROTOCOL_VERSION/);
      return true;
    });
    const plain = connectPlain(port, '127.0.0.1');
    plain.on('error', () => undefined);
    plain.write('GET /live HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(plain, 'close');
    await client();
  });
});
