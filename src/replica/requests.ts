import type { AuthorIndex } from '../types/ids.ts';
import type { Message } from '../types/message.ts';
import type { Timer, Timers } from '../util/timers.ts';
import type { Links } from './links.ts';

type Reply = Extract<Message, { type: 'certificate-reply' | 'commits-reply' | 'recovery-reply' }>;

interface Pending {
  readonly peer: AuthorIndex;
  readonly type: Reply['type'];
  readonly timer: Timer;
  readonly resolve: (reply: Reply | undefined) => void;
}

/** Questions to single peers and their answers. A question without an answer in time, or whose peer is lost, resolves to `undefined`. */
export class Requests {
  readonly #timeoutMs: number;
  readonly #modules: { readonly links: Links; readonly timers: Timers };
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  constructor(timeoutMs: number, modules: { readonly links: Links; readonly timers: Timers }) {
    this.#timeoutMs = timeoutMs;
    this.#modules = modules;
  }

  ask<Type extends Reply['type']>(
    peer: AuthorIndex,
    type: Type,
    question: (requestId: number) => Message,
  ): Promise<Extract<Reply, { type: Type }> | undefined> {
    const requestId = this.#nextId++;
    if (this.#modules.links.send(peer, question(requestId)) !== 'queued') return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = this.#modules.timers.after(this.#timeoutMs, () => this.#settle(requestId, undefined));
      this.#pending.set(requestId, { peer, type, timer, resolve: resolve as Pending['resolve'] });
    });
  }

  /** An answer nobody waits for, or of another kind or peer than asked, is ignored: it may just be late. */
  reply(peer: AuthorIndex, reply: Reply): void {
    const pending = this.#pending.get(reply.requestId);
    if (pending?.peer === peer && pending.type === reply.type) this.#settle(reply.requestId, reply);
  }

  peerLost(peer: AuthorIndex): void {
    for (const [requestId, pending] of this.#pending) if (pending.peer === peer) this.#settle(requestId, undefined);
  }

  stop(): void {
    for (const requestId of this.#pending.keys()) this.#settle(requestId, undefined);
  }

  #settle(requestId: number, reply: Reply | undefined): void {
    const pending = this.#pending.get(requestId);
    if (pending === undefined) return;
    this.#pending.delete(requestId);
    pending.timer.cancel();
    pending.resolve(reply);
  }
}
