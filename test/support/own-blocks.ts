import type { Hasher } from '../../src/crypto/hasher.ts';
import type { BlockRef } from '../../src/types/block.ts';
import { decodeMessage } from '../../src/types/message-codec.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import type { Transport } from '../../src/util/transport.ts';

interface Said {
  readonly id: string;
  arrived: boolean;
}

/** Remembers every own block that left a node, over all its lives: an honest node never says two things in one round. */
export class OwnBlocks {
  readonly #hasher: Hasher;
  readonly #said = new Map<number, Map<number, Said>>();
  readonly #twins: string[] = [];
  /** A broadcast passes the same bytes once for each peer. */
  readonly #seen = new WeakSet<Uint8Array>();

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  /** The same transport, overheard. */
  tap(node: number, transport: Transport): Transport {
    return {
      ...transport,
      start: (events) =>
        transport.start({
          linkUp: (peer) => events.linkUp(peer),
          linkDown: (peer, reason) => events.linkDown(peer, reason),
          frame: (peer, channel, frame) => {
            if (channel === 'consensus') this.#arrived(peer, frame);
            events.frame(peer, channel, frame);
          },
        }),
      send: (peer, channel, ...frame) => {
        if (channel === 'consensus' && !this.#seen.has(frame[0] as Uint8Array)) this.#sent(node, frame);
        return transport.send(peer, channel, ...frame);
      },
    };
  }

  /** The node and its links ended, and with them everything that had not arrived. */
  forgetInFlight(node: number): void {
    const said = this.#said.get(node);
    for (const [round, { arrived }] of said ?? []) if (!arrived) said?.delete(round);
  }

  assertNoTwins(): void {
    if (this.#twins.length > 0) throw new Error(`signed twice: ${this.#twins.join(', ')}`);
  }

  #sent(node: number, frame: readonly Uint8Array[]): void {
    this.#seen.add(frame[0] as Uint8Array);
    const ref = this.#ownBlock(node, concatBytes(...frame));
    if (ref === undefined) return;
    const said = this.#said.get(node) ?? new Map<number, Said>();
    this.#said.set(node, said);
    const known = said.get(ref.round);
    if (known === undefined) said.set(ref.round, { id: ref.id, arrived: false });
    else if (known.id !== ref.id) this.#twins.push(`node ${node} in round ${ref.round}`);
  }

  #arrived(from: number, frame: Uint8Array): void {
    const ref = this.#ownBlock(from, frame);
    const said = ref === undefined ? undefined : this.#said.get(from)?.get(ref.round);
    if (said !== undefined && said.id === ref?.id) said.arrived = true;
  }

  #ownBlock(author: number, frame: Uint8Array): BlockRef | undefined {
    try {
      const message = decodeMessage(this.#hasher, frame);
      return message.type === 'block' && message.block.header.author === author ? message.block.header.ref : undefined;
    } catch {
      // Of a node in the hands of an adversary.
      return undefined;
    }
  }
}
