import type { Hasher } from '../../src/crypto/hasher.ts';
import { decodeMessage } from '../../src/types/message-codec.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import type { Transport } from '../../src/util/transport.ts';

/** Remembers every own block that left a node, over all its lives: an honest node never says two things in one round. */
export class OwnBlocks {
  readonly #hasher: Hasher;
  readonly #sent = new Map<string, string>();
  readonly #twins: string[] = [];
  /** A broadcast passes the same bytes once for each peer. */
  readonly #seen = new WeakSet<Uint8Array>();

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  /** Blocks of that author and round that were sent: the first one's id. */
  sent(author: number, round: number): string | undefined {
    return this.#sent.get(`${author}/${round}`);
  }

  /** The same transport, overheard. */
  tap(node: number, transport: Transport): Transport {
    return {
      ...transport,
      send: (peer, channel, ...frame) => {
        if (channel === 'consensus' && !this.#seen.has(frame[0] as Uint8Array)) this.#overhear(node, frame);
        return transport.send(peer, channel, ...frame);
      },
    };
  }

  assertNoTwins(): void {
    if (this.#twins.length > 0) throw new Error(`signed twice: ${this.#twins.join(', ')}`);
  }

  #overhear(node: number, frame: readonly Uint8Array[]): void {
    this.#seen.add(frame[0] as Uint8Array);
    const message = decodeMessage(this.#hasher, concatBytes(...frame));
    if (message.type !== 'block' || message.block.header.author !== node) return;
    const { round, id } = message.block.header.ref;
    const slot = `${node}/${round}`;
    const known = this.#sent.get(slot);
    this.#sent.set(slot, known ?? id);
    if (known !== undefined && known !== id) this.#twins.push(`node ${node} in round ${round}`);
  }
}
