import type { PeerIndex, Transport, TransportEvents } from '../../src/util/transport.ts';

const DUPLICATE_HOLD_MS = 1_000;

/**
 * Two processes with the keys of one member. Peers cannot tell them apart by their keys: they see one member, and keep the link that came first
 * (docs/spec/links.md, "One link a pair").
 */
export class SharedIdentity {
  readonly #member: PeerIndex;
  readonly #clone: PeerIndex;

  /** `clone`: the network's node that runs with the keys of `member`. */
  constructor(member: PeerIndex, clone: PeerIndex) {
    this.#member = member;
    this.#clone = clone;
  }

  transport(node: PeerIndex, inner: Transport): Transport {
    return node === this.#member || node === this.#clone ? this.#withoutTheOther(inner) : this.#asOne(inner);
  }

  /** The two do not speak to each other. */
  #withoutTheOther(inner: Transport): Transport {
    const isTheOther = (peer: PeerIndex): boolean => peer === this.#member || peer === this.#clone;
    return {
      ...inner,
      start: (events) => inner.start(translated(events, (peer) => (isTheOther(peer) ? undefined : peer))),
      send: (peer, channel, ...frame) => (isTheOther(peer) ? 'unlinked' : inner.send(peer, channel, ...frame)),
    };
  }

  #asOne(inner: Transport): Transport {
    let linked: PeerIndex | undefined;
    const isShared = (peer: PeerIndex): boolean => peer === this.#member || peer === this.#clone;
    const behind = (peer: PeerIndex): PeerIndex => (peer === this.#member ? (linked ?? peer) : peer);
    const seen = (peer: PeerIndex): PeerIndex | undefined => {
      if (!isShared(peer)) return peer;
      return peer === linked ? this.#member : undefined;
    };
    return {
      ...inner,
      start: (events) => {
        const outer = translated(events, seen);
        return inner.start({
          ...outer,
          linkUp: (peer) => {
            if (isShared(peer) && linked !== undefined) return inner.close(peer, 'DUPLICATE', DUPLICATE_HOLD_MS);
            if (isShared(peer)) linked = peer;
            outer.linkUp(peer);
          },
          linkDown: (peer, reason) => {
            outer.linkDown(peer, reason);
            if (peer === linked) linked = undefined;
          },
        });
      },
      send: (peer, channel, ...frame) => inner.send(behind(peer), channel, ...frame),
      close: (peer, reason, holdMs) => inner.close(behind(peer), reason, holdMs),
      queuedBytes: (peer) => inner.queuedBytes(behind(peer)),
    };
  }
}

/** The events under another peer's name, or not at all. */
function translated(events: TransportEvents, name: (peer: PeerIndex) => PeerIndex | undefined): TransportEvents {
  const as = (peer: PeerIndex, tell: (peer: PeerIndex) => void): void => {
    const known = name(peer);
    if (known !== undefined) tell(known);
  };
  return {
    linkUp: (peer) => as(peer, (known) => events.linkUp(known)),
    linkDown: (peer, reason) => as(peer, (known) => events.linkDown(known, reason)),
    frame: (peer, channel, frame) => as(peer, (known) => events.frame(known, channel, frame)),
  };
}
