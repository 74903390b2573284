import { FRAME_HEADER_BYTES } from '../../src/network/frame-codec.ts';
import { MAX_FRAME_BYTES } from '../../src/types/limits.ts';
import { assert } from '../../src/util/assert.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import type { Prng } from '../../src/util/prng.ts';
import type { Timers } from '../../src/util/timers.ts';
import type { Channel, PeerIndex, SendOutcome, Transport, TransportEvents } from '../../src/util/transport.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface MemoryNetworkOptions {
  readonly nodes: number;
  readonly time: VirtualTime;
  readonly prng: Prng;
  /** One-way delay of a frame, drawn for each; order within a channel is kept all the same. */
  readonly latencyMs?: (from: PeerIndex, to: PeerIndex, prng: Prng) => number;
  /** Probability that a frame vanishes while its link stays up: harsher than TCP. */
  readonly frameLoss?: number;
  /** Rate of each channel of each link. */
  readonly bytesPerMs?: number;
  /** Most bytes on their way on each channel of each link. */
  readonly sendQueueBytes?: number;
  /** A path blocked for so long ends its link at both ends. */
  readonly silentMs?: number;
  /** Wait before a lost link is dialled again, varied by up to half. */
  readonly redialMs?: number;
}

const CHANNELS: readonly Channel[] = ['consensus', 'sync'];

interface Node {
  /** Of the running process; undefined while it is down. */
  events: TransportEvents | undefined;
  /** Callbacks that wait for the process to be resumed. */
  heldBack: (() => void)[] | undefined;
  pausedAtMs: number;
  /** Counts processes, so that timers of a dead one never fire. */
  boot: number;
}

/** One way of one channel of a link: frames in flight, in order. */
interface Lane {
  readonly inFlight: { frame: Uint8Array; arrivesAtMs: number }[];
  bytes: number;
  sendingUntilMs: number;
  scheduled: boolean;
  /** Its first frame was sent. */
  greeted: boolean;
}

interface Link {
  readonly lanes: Map<string, Lane>;
  /** Ends where the link is up: it comes up and goes down at each end at its own time. */
  readonly upAt: Set<PeerIndex>;
  ended: boolean;
}

/**
 * Transports of one process joined by a simulated network: the same calls with the same `VirtualTime` and `Prng` give the same run. Faults
 * act on paths (block, heal) and processes (pause, resume, kill); a link survives a short fault and delivers late, as TCP does.
 */
export class MemoryNetwork {
  readonly #options: Required<MemoryNetworkOptions>;
  readonly #nodes: Node[];
  readonly #links = new Map<string, Link>();
  /** Paths by the time they were blocked at. */
  readonly #blocked = new Map<string, number>();
  /** A link comes up at an end only after the one before it went down there. */
  readonly #downAtMs = new Map<string, number>();
  readonly #heldUntilMs = new Map<string, number>();
  readonly #extraDelayMs = new Map<PeerIndex, number>();
  readonly #frameLoss: Record<Channel, number>;
  #duplication = 0;

  constructor(options: MemoryNetworkOptions) {
    this.#options = {
      latencyMs: (_from, _to, prng) => 1 + prng.below(4),
      frameLoss: 0,
      bytesPerMs: 100 * 1024,
      sendQueueBytes: 8 * 1024 * 1024,
      silentMs: 10_000,
      redialMs: 1_000,
      ...options,
    };
    this.#frameLoss = { consensus: this.#options.frameLoss, sync: this.#options.frameLoss };
    this.#nodes = Array.from({ length: options.nodes }, () => ({
      events: undefined,
      heldBack: undefined,
      pausedAtMs: 0,
      boot: 0,
    }));
  }

  /** The transport of a process to be; a killed or stopped node gets a new one. */
  transport(node: PeerIndex): Transport {
    return {
      start: async (events) => this.#start(node, events),
      stop: async () => this.#stop(node),
      send: (peer, channel, ...frame) => this.#send(node, peer, channel, frame),
      close: (peer, reason, holdMs) => this.#close(node, peer, reason, holdMs),
      queuedBytes: (peer) => this.#queuedBytes(node, peer),
    };
  }

  /** Timers of the process as it is now: they wait while it is paused and die with it. */
  timers(node: PeerIndex): Timers {
    const { boot } = this.#node(node);
    return {
      after: (delayMs, callback) => {
        let cancelled = false;
        const timer = this.#options.time.after(delayMs, () =>
          this.#run(node, boot, () => {
            if (!cancelled) callback();
          }),
        );
        return {
          cancel: () => {
            cancelled = true;
            timer.cancel();
          },
        };
      },
    };
  }

  /** Stops traffic from one node to another, one way. */
  block(from: PeerIndex, to: PeerIndex): void {
    if (this.#blocked.has(path(from, to))) return;
    const sinceMs = this.#options.time.monotonicMs();
    this.#blocked.set(path(from, to), sinceMs);
    this.#options.time.after(this.#options.silentMs, () => {
      if (this.#blocked.get(path(from, to)) === sinceMs) this.#endLink(from, to, 'PEER_SILENT', 'PEER_SILENT');
    });
  }

  /** Cuts the group off from everybody else, both ways. */
  partition(group: readonly PeerIndex[]): void {
    for (const inside of group) {
      for (let outside = 0; outside < this.#nodes.length; outside++) {
        if (group.includes(outside)) continue;
        this.block(inside, outside);
        this.block(outside, inside);
      }
    }
  }

  /** Opens every blocked path; what waited there is delivered. */
  heal(): void {
    const blocked = [...this.#blocked.keys()];
    this.#blocked.clear();
    for (const blockedPath of blocked) {
      const [from, to] = blockedPath.split('>').map(Number) as [PeerIndex, PeerIndex];
      for (const channel of CHANNELS) this.#pump(from, to, channel);
    }
  }

  /** From now on frames vanish with this probability, on one channel or both. */
  lose(frameLoss: number, channels: readonly Channel[] = CHANNELS): void {
    for (const channel of channels) this.#frameLoss[channel] = frameLoss;
  }

  /** From now on frames come twice with this probability, as from a sender that did not hear that they came; a greeting never does. */
  duplicate(probability: number): void {
    this.#duplication = probability;
  }

  /** Adds to the one-way delay of everything the node sends. */
  slow(node: PeerIndex, extraMs: number): void {
    this.#extraDelayMs.set(node, extraMs);
  }

  /** Freezes a process as SIGSTOP does. */
  pause(node: PeerIndex): void {
    const state = this.#node(node);
    const sinceMs = this.#options.time.monotonicMs();
    if (state.heldBack !== undefined) return;
    state.heldBack = [];
    state.pausedAtMs = sinceMs;
    this.#options.time.after(this.#options.silentMs, () => {
      if (state.heldBack === undefined || state.pausedAtMs !== sinceMs) return;
      for (let peer = 0; peer < this.#nodes.length; peer++) this.#endLink(node, peer, 'PEER_SILENT', 'PEER_SILENT');
    });
  }

  resume(node: PeerIndex): void {
    const { heldBack } = this.#node(node);
    this.#node(node).heldBack = undefined;
    for (const callback of heldBack ?? []) callback();
    for (let other = 0; other < this.#nodes.length; other++) {
      for (const channel of CHANNELS) if (other !== node) this.#pump(other, node, channel);
    }
  }

  /** Ends a process without a word; the peers' links break as its machine resets them. */
  kill(node: PeerIndex): void {
    this.#leave(node);
    for (let peer = 0; peer < this.#nodes.length; peer++) this.#endLink(node, peer, undefined, 'CONNECTION_LOST');
  }

  #start(node: PeerIndex, events: TransportEvents): void {
    assert(this.#node(node).events === undefined, 'a node runs once at a time');
    this.#node(node).events = events;
    for (let peer = 0; peer < this.#nodes.length; peer++) if (peer !== node) this.#connectAfter(node, peer, 0);
  }

  #stop(node: PeerIndex): void {
    const { events } = this.#node(node);
    this.#leave(node);
    for (let peer = 0; peer < this.#nodes.length; peer++) {
      const link = this.#link(node, peer);
      if (link === undefined) continue;
      const wasUp = link.upAt.delete(node);
      const lastArrivalMs = Math.max(
        0,
        ...CHANNELS.map((channel) => laneOf(link, node, channel).inFlight.at(-1)?.arrivesAtMs ?? 0),
      );
      this.#options.time.after(lastArrivalMs - this.#options.time.monotonicMs(), () => {
        if (!link.ended) this.#endLink(node, peer, undefined, 'CONNECTION_LOST');
      });
      if (wasUp) events?.linkDown(peer, 'STOPPED');
    }
  }

  #leave(node: PeerIndex): void {
    const state = this.#node(node);
    state.events = undefined;
    state.heldBack = undefined;
    state.boot += 1;
  }

  #connectAfter(node: PeerIndex, peer: PeerIndex, delayMs: number): void {
    this.#options.time.after(delayMs, () => this.#connect(node, peer));
  }

  #connect(node: PeerIndex, peer: PeerIndex): void {
    const { time, redialMs, prng } = this.#options;
    if (this.#link(node, peer) !== undefined || this.#node(node).events === undefined) return;
    if (this.#node(peer).events === undefined) return;
    const refused =
      this.#isHeld(node, peer) ||
      this.#isHeld(peer, node) ||
      this.#isBlocked(node, peer) ||
      this.#isBlocked(peer, node);
    if (refused || this.#isPaused(node) || this.#isPaused(peer)) {
      this.#connectAfter(node, peer, redialMs * (0.5 + prng.below(1_000) / 1_000));
      return;
    }
    const link: Link = { lanes: new Map(), upAt: new Set(), ended: false };
    this.#links.set(pair(node, peer), link);
    const handshakeMs = 3 * this.#latency(node, peer);
    for (const [end, other, afterMs] of [
      [peer, node, handshakeMs],
      [node, peer, handshakeMs + this.#latency(peer, node)],
    ] as const) {
      const { boot } = this.#node(end);
      const earliestMs = (this.#downAtMs.get(path(end, other)) ?? 0) - time.monotonicMs();
      time.after(Math.max(afterMs, earliestMs), () => this.#run(end, boot, () => this.#comeUp(link, end, other)));
    }
  }

  #comeUp(link: Link, end: PeerIndex, other: PeerIndex): void {
    if (link.ended) return;
    link.upAt.add(end);
    this.#node(end).events?.linkUp(other);
    for (const channel of CHANNELS) this.#pump(other, end, channel);
  }

  #send(node: PeerIndex, peer: PeerIndex, channel: Channel, parts: readonly Uint8Array[]): SendOutcome {
    const { time, prng, bytesPerMs, sendQueueBytes } = this.#options;
    const frame = concatBytes(...parts);
    assert(frame.length > 0 && frame.length <= MAX_FRAME_BYTES, 'a frame has 1 to MAX_FRAME_BYTES bytes');
    const link = this.#link(node, peer);
    if (link === undefined || !link.upAt.has(node)) return 'unlinked';
    const lane = laneOf(link, node, channel);
    const bytes = FRAME_HEADER_BYTES + frame.length;
    if (lane.bytes + bytes > sendQueueBytes) return 'dropped';
    if (prng.chance(this.#frameLoss[channel])) return 'queued';
    const copies = lane.greeted && this.#duplication > 0 && prng.chance(this.#duplication) ? 2 : 1;
    lane.greeted = true;
    for (let copy = 0; copy < copies; copy++) {
      lane.sendingUntilMs = Math.max(lane.sendingUntilMs, time.monotonicMs()) + bytes / bytesPerMs;
      const previousMs = lane.inFlight.at(-1)?.arrivesAtMs ?? 0;
      lane.inFlight.push({ frame, arrivesAtMs: Math.max(previousMs, lane.sendingUntilMs + this.#latency(node, peer)) });
      lane.bytes += bytes;
    }
    this.#pump(node, peer, channel);
    return 'queued';
  }

  /** Schedules the delivery of the next frame of a lane, unless something stands in its way; that something pumps again. */
  #pump(from: PeerIndex, to: PeerIndex, channel: Channel): void {
    const link = this.#link(from, to);
    const lane = link?.lanes.get(laneName(from, channel));
    const next = lane?.inFlight[0];
    if (
      link === undefined ||
      lane === undefined ||
      next === undefined ||
      lane.scheduled ||
      !this.#canDeliver(link, from, to)
    )
      return;
    lane.scheduled = true;
    this.#options.time.after(next.arrivesAtMs - this.#options.time.monotonicMs(), () => {
      lane.scheduled = false;
      if (link.ended || !this.#canDeliver(link, from, to)) return;
      lane.inFlight.shift();
      lane.bytes -= FRAME_HEADER_BYTES + next.frame.length;
      this.#node(to).events?.frame(from, channel, next.frame);
      this.#pump(from, to, channel);
    });
  }

  #canDeliver(link: Link, from: PeerIndex, to: PeerIndex): boolean {
    return link.upAt.has(to) && !this.#isBlocked(from, to) && !this.#isPaused(to);
  }

  #close(node: PeerIndex, peer: PeerIndex, reason: string, holdMs: number): void {
    this.#heldUntilMs.set(path(node, peer), this.#options.time.monotonicMs() + holdMs);
    this.#endLink(node, peer, reason, 'CONNECTION_LOST');
  }

  /** Ends a link for good; each running end hears of it where it was up, the far one later. */
  #endLink(node: PeerIndex, peer: PeerIndex, reason: string | undefined, reasonAtPeer: string): void {
    const link = this.#link(node, peer);
    if (link === undefined) return;
    link.ended = true;
    this.#links.delete(pair(node, peer));
    this.#tellDown(link, node, peer, reason, 0);
    this.#tellDown(link, peer, node, reasonAtPeer, this.#latency(node, peer));
    this.#connectAfter(node, peer, this.#options.redialMs);
  }

  #tellDown(link: Link, end: PeerIndex, other: PeerIndex, reason: string | undefined, delayMs: number): void {
    const { boot, events } = this.#node(end);
    if (reason === undefined || events === undefined || !link.upAt.has(end)) return;
    this.#downAtMs.set(path(end, other), this.#options.time.monotonicMs() + delayMs);
    this.#options.time.after(delayMs, () => this.#run(end, boot, () => events.linkDown(other, reason)));
  }

  /** Runs a callback of the process `boot` of a node: later if it is paused, never if it has ended. */
  #run(node: PeerIndex, boot: number, callback: () => void): void {
    const state = this.#node(node);
    if (state.boot !== boot) return;
    if (state.heldBack === undefined) callback();
    else state.heldBack.push(() => this.#run(node, boot, callback));
  }

  #queuedBytes(node: PeerIndex, peer: PeerIndex): number {
    const link = this.#link(node, peer);
    return CHANNELS.reduce((sum, channel) => sum + (link?.lanes.get(laneName(node, channel))?.bytes ?? 0), 0);
  }

  #latency(from: PeerIndex, to: PeerIndex): number {
    return this.#options.latencyMs(from, to, this.#options.prng) + (this.#extraDelayMs.get(from) ?? 0);
  }

  #isBlocked(from: PeerIndex, to: PeerIndex): boolean {
    return this.#blocked.has(path(from, to));
  }

  #isPaused(node: PeerIndex): boolean {
    return this.#node(node).heldBack !== undefined;
  }

  #isHeld(node: PeerIndex, peer: PeerIndex): boolean {
    return this.#options.time.monotonicMs() < (this.#heldUntilMs.get(path(node, peer)) ?? 0);
  }

  #link(a: PeerIndex, b: PeerIndex): Link | undefined {
    return this.#links.get(pair(a, b));
  }

  #node(index: PeerIndex): Node {
    const node = this.#nodes[index];
    assert(node !== undefined, 'a node of this network');
    return node;
  }
}

function path(from: PeerIndex, to: PeerIndex): string {
  return `${from}>${to}`;
}

function pair(a: PeerIndex, b: PeerIndex): string {
  return a < b ? path(a, b) : path(b, a);
}

function laneName(from: PeerIndex, channel: Channel): string {
  return `${from} ${channel}`;
}

function laneOf(link: Link, from: PeerIndex, channel: Channel): Lane {
  const lane = link.lanes.get(laneName(from, channel)) ?? {
    inFlight: [],
    bytes: 0,
    sendingUntilMs: 0,
    scheduled: false,
    greeted: false,
  };
  link.lanes.set(laneName(from, channel), lane);
  return lane;
}
