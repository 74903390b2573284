import type { Server, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type KeyExchangeGroup, negotiatedGroup } from '../util/tls-group.ts';
import type { ApiMetrics } from './metrics.ts';

/** A connection without TLS. */
export const PLAIN: KeyExchangeGroup = { name: 'none', category: 0 };

/** How many connections are open, by the key exchange that each negotiated. */
export class OpenConnections {
  readonly #counts = new Map<string, { readonly group: KeyExchangeGroup; open: number }>();
  readonly #metrics: ApiMetrics;

  constructor(server: Server, metrics: ApiMetrics, isTls: boolean) {
    this.#metrics = metrics;
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => this.#opened(socket));
  }

  get byGroup(): ReadonlyMap<KeyExchangeGroup, number> {
    const open = [...this.#counts.values()].filter((entry) => entry.open > 0);
    return new Map(open.map((entry) => [entry.group, entry.open]));
  }

  #opened(socket: Socket): void {
    const group = socket instanceof TLSSocket ? negotiatedGroup(socket) : PLAIN;
    this.#add(group, 1);
    socket.once('close', () => this.#add(group, -1));
  }

  #add(group: KeyExchangeGroup, change: 1 | -1): void {
    const entry = this.#counts.get(group.name) ?? { group, open: 0 };
    entry.open += change;
    this.#counts.set(group.name, entry);
    this.#metrics.connections.set(entry.open, { group: group.name });
  }
}
