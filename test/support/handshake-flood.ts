import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { PROFILE_OPTIONS } from '../../src/network/tls-profile.ts';
import { multistreamHello } from './multistream-hello.ts';

/**
 * A process that opens handshakes with a validator as fast as it is told, from an address that is not the committee's, and leaves each half open.
 * A proof that is none and the first message of TLS are made once and sent again and again: the sender pays nothing.
 * Arguments: port, handshakes a second, seconds. Prints how many were opened.
 */
const STRANGER = '127.0.0.9';
const STEP_MS = 10;
const OPEN_LIMIT = 4_000;

const [port = 0, perSecond = 0, seconds = 0] = process.argv.slice(2).map(Number);
/** In the place of a caller's proof: a key and a signature. */
const NO_PROOF_BYTES = 96;
const hello = Buffer.concat([multistreamHello(), Buffer.alloc(NO_PROOF_BYTES), await clientHello()]);
const open = new Set<Socket>();
const startMs = performance.now();
let opened = 0;
const timer = setInterval(() => {
  const elapsedMs = performance.now() - startMs;
  if (elapsedMs > seconds * 1_000) {
    clearInterval(timer);
    for (const socket of open) socket.destroy();
    process.stdout.write(`${opened}\n`);
    return;
  }
  while (opened < (elapsedMs / 1_000) * perSecond && open.size < OPEN_LIMIT) openOne();
}, STEP_MS);

function openOne(): void {
  opened += 1;
  const socket = connect({ port, host: '127.0.0.1', localAddress: STRANGER }, () => socket.write(hello));
  open.add(socket);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => open.delete(socket));
  socket.resume();
}

/** The first flight of a client of the profile. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connectTls({ ...PROFILE_OPTIONS, port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  server.close();
  return bytes;
}
