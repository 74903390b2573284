import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from './eventually.ts';
import { openSocket, parseAnswers } from './raw-http.ts';

/** How a client takes its time: `silent` sends nothing, `headers` and `body` a little now and then, `answers` reads nothing of what it asked for. */
export type Slowness = 'silent' | 'headers' | 'body' | 'answers';

/** Connections are opened in portions that a backlog of 511 takes. */
const PORTION = 256;
const DRIBBLE_MS = 2_000;
const OPEN_LIMIT_MS = 30_000;
/** Of this machine, and none of those that a devnet trusts: what strangers may do is limited. */
const STRANGER = '127.1.0.1';

const BEGINNING: Readonly<Record<Slowness, string>> = {
  silent: '',
  headers: 'GET /live HTTP/1.1\r\nHost: slow\r\n',
  body: 'POST /v1/transactions HTTP/1.1\r\nHost: slow\r\nContent-Type: application/octet-stream\r\nContent-Length: 9000\r\n\r\n',
  // Answers of 100 kB and more, which all together no buffer of a connection takes.
  answers: 'GET /v1/openapi.json HTTP/1.1\r\nHost: slow\r\n\r\n'.repeat(100),
};

const DRIBBLE: Readonly<Record<Slowness, string>> = { silent: '', headers: 'X-Slow: 1\r\n', body: '0', answers: '' };

interface SlowConnection {
  readonly socket: Socket;
  readonly received: Buffer[];
  openedMs: number;
  endedMs: number;
}

/** Many connections of clients that take their time. */
export class SlowClients {
  readonly #connections: SlowConnection[] = [];
  readonly #dribble: NodeJS.Timeout;

  /** Resolves when each is open, or was refused. */
  static async open(url: string, count: number, slowness: Slowness): Promise<SlowClients> {
    const clients = new SlowClients(slowness);
    for (let opened = 0; opened < count; opened += PORTION) {
      for (let i = opened; i < Math.min(count, opened + PORTION); i++) clients.#open(url, slowness);
      await eventually(
        () => clients.#connections.every(({ openedMs, endedMs }) => openedMs > 0 || endedMs > 0),
        'every connection is open or refused',
        OPEN_LIMIT_MS,
      );
      // A refusal comes right after the opening.
      await delay(20);
    }
    return clients;
  }

  private constructor(slowness: Slowness) {
    const piece = DRIBBLE[slowness];
    this.#dribble = setInterval(() => {
      if (piece === '') return;
      for (const { socket, endedMs } of this.#connections) if (endedMs === 0) socket.write(piece);
    }, DRIBBLE_MS);
  }

  get open(): number {
    return this.#connections.filter(({ openedMs, endedMs }) => openedMs > 0 && endedMs === 0).length;
  }

  /** Statuses that connections ended with, with the number of each; 0: without an answer. */
  get endings(): Readonly<Record<number, number>> {
    const endings: Record<number, number> = {};
    for (const { received, endedMs } of this.#connections) {
      if (endedMs === 0) continue;
      const status = parseAnswers(Buffer.concat(received))[0]?.status ?? 0;
      endings[status] = (endings[status] ?? 0) + 1;
    }
    return endings;
  }

  /** Of those that the server let in and cut off later. */
  get longestMs(): number {
    return Math.round(Math.max(0, ...this.#connections.map(({ openedMs, endedMs }) => endedMs - openedMs)));
  }

  async untilAllCut(limitMs: number): Promise<boolean> {
    const untilMs = performance.now() + limitMs;
    while (this.open > 0 && performance.now() < untilMs) await delay(100);
    return this.open === 0;
  }

  close(): void {
    clearInterval(this.#dribble);
    for (const { socket } of this.#connections) socket.destroy();
  }

  #open(url: string, slowness: Slowness): void {
    const connection: SlowConnection = { socket: openSocket(url, STRANGER), received: [], openedMs: 0, endedMs: 0 };
    const { socket, received } = connection;
    this.#connections.push(connection);
    socket.once('connect', () => {
      connection.openedMs = performance.now();
      if (BEGINNING[slowness] !== '') socket.write(BEGINNING[slowness]);
    });
    socket.once('close', () => {
      connection.endedMs = performance.now();
    });
    if (slowness === 'answers') socket.pause();
    else socket.on('data', (chunk: Buffer) => received.push(chunk));
  }
}
