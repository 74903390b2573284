import assert from 'node:assert/strict';
import type { Channel, PeerIndex, TransportEvents } from '../../src/util/transport.ts';

export interface ReceivedFrame {
  readonly peer: PeerIndex;
  readonly channel: Channel;
  readonly frame: Uint8Array;
}

/** The replica's side of a transport: records what happened and checks what must hold for every implementation, always. */
export class TransportRecorder implements TransportEvents {
  readonly frames: ReceivedFrame[] = [];
  readonly downs: { readonly peer: PeerIndex; readonly reason: string }[] = [];
  readonly #up = new Set<PeerIndex>();
  readonly ups: PeerIndex[] = [];
  /** Called after each event; by default nothing. */
  changed: () => void = () => undefined;
  /** What the replica does with a frame, besides recording it. */
  onFrame: (frame: ReceivedFrame) => void = () => undefined;

  linkUp(peer: PeerIndex): void {
    assert.ok(!this.#up.has(peer), `a second linkUp of ${peer} without a linkDown`);
    this.#up.add(peer);
    this.ups.push(peer);
    this.changed();
  }

  linkDown(peer: PeerIndex, reason: string): void {
    assert.ok(this.#up.delete(peer), `linkDown of ${peer} without a linkUp`);
    this.downs.push({ peer, reason });
    this.changed();
  }

  frame(peer: PeerIndex, channel: Channel, frame: Uint8Array): void {
    assert.ok(this.#up.has(peer), `a frame of ${peer} without a link`);
    this.frames.push({ peer, channel, frame });
    this.onFrame({ peer, channel, frame });
    this.changed();
  }

  isUp(peer: PeerIndex): boolean {
    return this.#up.has(peer);
  }

  /** Frames of one channel of one peer, in the order they came. */
  of(peer: PeerIndex, channel: Channel): Uint8Array[] {
    return this.frames
      .filter((received) => received.peer === peer && received.channel === channel)
      .map((received) => received.frame);
  }
}
