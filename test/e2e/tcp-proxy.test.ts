import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

suite('the TCP proxy of the fault tests', () => {
  let echo: Server;
  let proxy: TcpProxy;
  let client: Socket;
  let received = '';

  before(async () => {
    echo = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
  });

  after(() => echo.close());

  beforeEach(async () => {
    proxy = await TcpProxy.listen((echo.address() as AddressInfo).port, 1);
    client = await dial();
  });

  afterEach(() => {
    client.destroy();
    proxy.close();
  });

  async function dial(): Promise<Socket> {
    received = '';
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('error', () => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  async function echoMs(text: string): Promise<number> {
    const startedMs = performance.now();
    received = '';
    client.write(text);
    await eventually(() => received === text, 'the echo');
    return performance.now() - startedMs;
  }

  test('passes bytes on as they are, both ways, and the end of them', async () => {
    await echoMs('x'.repeat(1_000_000));
    const closed = once(client, 'close');
    client.end();
    await closed;
    await eventually(() => proxy.connections === 0, 'no connection is left');
  });

  test('delays each direction by its latency', async () => {
    proxy.set({ latencyMs: 60 }, 'there');
    proxy.set({ latencyMs: 40 }, 'back');
    assert.ok((await echoMs('x')) >= 99);
  });

  test('keeps the order of a connection whatever the jitter', async () => {
    proxy.set({ jitterMs: 20 });
    const words = Array.from({ length: 50 }, (_, i) => `${i} `);
    for (const word of words) client.write(word);
    await eventually(() => received.length === words.join('').length, 'all of it');
    assert.equal(received, words.join(''));
  });

  test('lets no more through than its bandwidth', async () => {
    proxy.set({ bytesPerSecond: 100_000 }, 'there');
    assert.ok((await echoMs('x'.repeat(20_000))) >= 199);
  });

  test('holds one direction back on an open connection, and passes it on later', async () => {
    proxy.set({ stalled: true }, 'back');
    client.write('held');
    await eventually(() => proxy.underWayBytes === 4, 'the echo waits in the proxy');
    assert.equal(received, '');
    proxy.set({ stalled: false });
    await eventually(() => received === 'held', 'what was held');
  });

  test('cuts, refuses, and mends', async () => {
    const closed = once(client, 'close');
    proxy.cut();
    await closed;
    const refused = await dial();
    await once(refused, 'close');
    proxy.mend();
    client = await dial();
    await echoMs('again');
  });
});
