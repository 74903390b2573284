import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { HOST } from '../../src/cli/devnet/layout.ts';
import { Prng } from '../../src/util/prng.ts';

/** From the side that dialled to the other, or the way back. */
export type Direction = 'there' | 'back';

/** Of one direction. TCP keeps the order of one connection; jitter changes the order among connections. */
export interface Conditions {
  readonly latencyMs: number;
  /** Added to the latency, up to this, each time at random. */
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  /** Nothing passes; what is on its way waits, and the connection stays. */
  readonly stalled: boolean;
}

const PERFECT: Conditions = { latencyMs: 0, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, stalled: false };
/** Bytes on their way in one direction of one connection, before the sender is made to wait: some round trips of a fast link. */
const MAX_UNDER_WAY_BYTES = 4 * 1024 * 1024;

/** A bad network between whoever dials `port` and one listener on this machine. */
export class TcpProxy {
  readonly #target: number;
  readonly #server: Server;
  readonly #prng: Prng;
  readonly #pairs = new Set<{ readonly sockets: readonly Socket[]; readonly pumps: readonly Pump[] }>();
  readonly #conditions: Record<Direction, Conditions> = { there: PERFECT, back: PERFECT };
  #isCut = false;

  static async listen(target: number, seed: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, HOST);
    await once(server, 'listening');
    return new TcpProxy(target, server, seed);
  }

  private constructor(target: number, server: Server, seed: number) {
    this.#target = target;
    this.#server = server;
    this.#prng = new Prng(seed);
    server.on('connection', (socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** On the way in all directions: delayed, or held by a stall. */
  get underWayBytes(): number {
    return [...this.#pairs].flatMap(({ pumps }) => pumps).reduce((sum, pump) => sum + pump.bytes, 0);
  }

  set(conditions: Partial<Conditions>, ...directions: readonly Direction[]): void {
    for (const direction of directions.length === 0 ? (['there', 'back'] as const) : directions)
      this.#conditions[direction] = { ...this.#conditions[direction], ...conditions };
    for (const { pumps } of this.#pairs) for (const pump of pumps) pump.changed();
  }

  /** Ends every connection, and each new one at once, until `mend`. */
  cut(): void {
    this.#isCut = true;
    for (const { sockets } of this.#pairs) for (const socket of sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #accept(dialler: Socket): void {
    if (this.#isCut) {
      dialler.destroy();
      return;
    }
    const listener = connect({ host: HOST, port: this.#target, allowHalfOpen: true, noDelay: true });
    const sockets = [dialler, listener];
    const pumps = [
      new Pump(dialler, listener, () => this.#conditions.there, this.#prng),
      new Pump(listener, dialler, () => this.#conditions.back, this.#prng),
    ];
    const pair = { sockets, pumps };
    this.#pairs.add(pair);
    for (const socket of sockets) {
      // A reset or a refusal ends the pair, as it would without a proxy.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#pairs.delete(pair);
        for (const each of sockets) each.destroy();
        for (const pump of pumps) pump.stop();
      });
    }
  }
}

/** One direction of one connection. */
class Pump {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #conditions: () => Conditions;
  readonly #prng: Prng;
  /** In the order sent; an empty chunk is the end. */
  readonly #underWay: { readonly chunk: Uint8Array; readonly dueMs: number }[] = [];
  #bytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, conditions: () => Conditions, prng: Prng) {
    this.#from = from;
    this.#to = to;
    this.#conditions = conditions;
    this.#prng = prng;
    from.on('data', (chunk: Buffer) => this.#enter(chunk));
    from.on('end', () => this.#enter(new Uint8Array(0)));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Looks again at what waits. */
  changed(): void {
    this.#leave();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#underWay.length = 0;
  }

  #enter(chunk: Uint8Array): void {
    const { latencyMs, jitterMs, bytesPerSecond } = this.#conditions();
    const arrivalMs = performance.now() + latencyMs + jitterMs * (this.#prng.below(1_000) / 1_000);
    this.#lastDueMs = Math.max(arrivalMs, this.#lastDueMs) + (chunk.length / bytesPerSecond) * 1_000;
    this.#underWay.push({ chunk, dueMs: this.#lastDueMs });
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_UNDER_WAY_BYTES) this.#from.pause();
    this.#leave();
  }

  #leave(): void {
    clearTimeout(this.#timer);
    if (this.#conditions().stalled || this.#to.destroyed) return;
    const nowMs = performance.now();
    for (let next = this.#underWay[0]; next !== undefined; next = this.#underWay[0]) {
      if (next.dueMs > nowMs) {
        this.#timer = setTimeout(() => this.#leave(), next.dueMs - nowMs);
        return;
      }
      this.#underWay.shift();
      this.#bytes -= next.chunk.length;
      if (next.chunk.length === 0) this.#to.end();
      else this.#to.write(next.chunk);
    }
    if (this.#bytes <= MAX_UNDER_WAY_BYTES) this.#from.resume();
  }
}
