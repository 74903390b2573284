import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { type Api, type ApiTiming, DEFAULT_API_OPTIONS } from '../../../src/api/index.ts';
import { nodeSend } from '../../../src/client/node-send.ts';
import { REST_ERRORS, type RestErrorCode } from '../../../src/types/rest-errors.ts';
import { signedAnchor, testApi, toOctets } from '../../support/api-requests.ts';
import { eventually } from '../../support/eventually.ts';
import { type StubNetwork, StubService, stubNetwork } from '../../support/stub-service.ts';

const MIB = 1024 * 1024;
const QUICK: ApiTiming = {
  ...DEFAULT_API_OPTIONS.timing,
  headersTimeoutMs: 200,
  requestTimeoutMs: 400,
  checkIntervalMs: 50,
};
const send = nodeSend();

let network: StubNetwork;
let service: StubService;
let api: Api;
let url: string;
let sockets: Socket[];

before(async () => {
  network = await stubNetwork();
});
beforeEach(async () => {
  service = new StubService(network);
  api = testApi(service, { timing: QUICK });
  url = await api.start();
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await api.stop();
});
after(() => send.close());

/** A connection that keeps what it receives. */
async function open(): Promise<Socket & { received(): string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return Object.assign(socket, { received: () => text });
}

function assertRawProblem(text: string, code: RestErrorCode): void {
  assert.ok(text.startsWith(`HTTP/1.1 ${REST_ERRORS[code].status} `), text.slice(0, 200));
  assert.match(text, /content-type: application\/problem\+json/i);
  assert.ok(text.includes(`"code":"${code}"`), text);
}

describe('a listening API', () => {
  it('answers what cannot be read as HTTP with problems', async () => {
    for (const [bytes, code] of [
      ['garbage\r\n\r\n', 'BAD_REQUEST'],
      ['GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n', 'BAD_REQUEST'],
      [`GET /health HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 'HEADERS_TOO_LARGE'],
    ] as const) {
      const socket = await open();
      socket.write(bytes);
      await once(socket, 'close');
      assertRawProblem(socket.received(), code);
    }
  });

  it('cuts off clients that trickle headers or body', async () => {
    for (const start of [
      'GET /health HTTP/1.1\r\nHost: a\r\nX: ',
      'POST /v1/transactions HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 9000\r\n\r\n',
    ]) {
      const socket = await open();
      socket.write(start);
      const trickle = setInterval(() => socket.write('x'), 20);
      await once(socket, 'close');
      clearInterval(trickle);
      assertRawProblem(socket.received(), 'REQUEST_TIMEOUT');
    }
    assert.equal((await send({ method: 'GET', url: `${url}/health`, timeoutMs: 5_000 })).status, 200);
  });

  it('refuses HTTP/1.1 with no host or with two, and ends the connection', async () => {
    for (const hosts of ['', 'Host: a\r\nHost: b\r\n', 'Host: a\r\nhost: a\r\n']) {
      const socket = await open();
      socket.write(`GET /live HTTP/1.1\r\n${hosts}\r\n`);
      await once(socket, 'close');
      assertRawProblem(socket.received(), 'BAD_REQUEST');
    }
    const old = await open();
    old.write('GET /live HTTP/1.0\r\n\r\n');
    await once(old, 'close');
    assert.match(old.received(), /^HTTP\/1\.1 200 /);
  });

  it('ignores what a client expects besides 100-continue', async () => {
    const socket = await open();
    socket.write('GET /live HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\n\r\n');
    await eventually(() => socket.received().startsWith('HTTP/1.1 200 '), 'an answer');
  });

  it('cuts off a client that reads nothing of its answers', async () => {
    await api.stop();
    api = testApi(service, { timing: { ...QUICK, stallTimeoutMs: 100 } });
    url = await api.start();
    const socket = await open();
    socket.pause();
    // More than the buffers of a connection take.
    socket.write('GET /v1/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100));
    await eventually(() => api.connections.byGroup.size === 1, 'the connection is open');
    await eventually(() => api.connections.byGroup.size === 0, 'the connection is closed');
  });

  it('refuses 100 MB, declared or in chunks', async () => {
    await api.stop();
    // With the usual times: how fast this machine sends is not the matter.
    api = testApi(service, {});
    url = await api.start();
    const head = 'POST /v1/transactions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
    const declared = await open();
    declared.write(`${head}Content-Length: ${100 * MIB}\r\n\r\n`);
    await once(declared, 'close');
    assertRawProblem(declared.received(), 'BODY_TOO_LARGE');
    const chunked = await open();
    chunked.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `${MIB.toString(16)}\r\n${' '.repeat(MIB)}\r\n`;
    let sent = 0;
    for (; sent < 100 && chunked.received() === '' && !chunked.destroyed; sent++)
      await new Promise<void>((resolve) => chunked.write(chunk, () => setImmediate(resolve)));
    assert.ok(sent < 20, `${sent} MiB were taken`);
    await eventually(() => chunked.destroyed, 'the end of the connection');
    // A connection that is reset under bytes on their way may lose what was answered.
    if (chunked.received() !== '') assertRawProblem(chunked.received(), 'BODY_TOO_LARGE');
  });

  it('survives a client that goes away within its body', async () => {
    const socket = await open();
    socket.write(
      'POST /v1/transactions HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 9000\r\n\r\nx',
    );
    socket.destroy();
    assert.equal((await send({ method: 'GET', url: `${url}/health`, timeoutMs: 5_000 })).status, 200);
  });

  it('keeps the bytes of a transaction that comes in pieces', async () => {
    const item = await signedAnchor(network);
    const bytes = toOctets(item);
    const socket = await open();
    socket.write(
      `POST /v1/transactions HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
    for (let at = 0; at < bytes.length; at += 1_000) {
      socket.write(bytes.subarray(at, at + 1_000));
      await new Promise(setImmediate);
    }
    await eventually(() => socket.received().includes('accepted'), 'an answer');
    assert.equal(service.submitted[0]?.body.toHex(), item.body.toHex());
    assert.equal(service.submitted[0]?.signature.toHex(), item.signature.toHex());
  });

  it('stops at once, answering those that wait and refusing what comes after', async () => {
    const txId = 'ab'.repeat(32) as never;
    service.reach(txId, 'accepted');
    const waiting = send({
      method: 'GET',
      url: `${url}/v1/transactions/${txId}?wait=final&timeoutMs=60000`,
      timeoutMs: 60_000,
    });
    const late = await open();
    late.write('GET /health HTTP/1.1\r\nHost: a\r\n');
    await eventually(() => service.waiting(txId) === 1, 'a waiter');
    const stopped = api.stop();
    late.write('\r\n');
    assert.equal((await waiting).status, 200);
    await stopped;
    await eventually(() => late.received() !== '' || late.destroyed, 'an answer or the end');
    // Its first line may not have been read yet: then it was one more idle connection.
    if (late.received() !== '') assertRawProblem(late.received(), 'STOPPING');
  });
});
