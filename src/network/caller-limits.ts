import type { Clock } from '../util/clock.ts';
import { CALLER_HOLD_MS, MAX_PENDING_PER_PEER } from './limits.ts';
import { LinkRefusal } from './link-refusal.ts';

interface Caller {
  handshakes: number;
  heldUntilMs: number;
}

/**
 * How much TLS a caller gets: OpenSSL verifies every certificate that is presented before anybody can object, 0.4 s for the dearest 100 kB, so
 * a member that spoils a handshake after its certificates were read waits. One entry a member.
 */
export class CallerLimits {
  readonly #clock: Clock;
  readonly #callers = new Map<string, Caller>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws LinkRefusal CALLER_HELD */
  begin(peerId: string): void {
    const caller = this.#callers.get(peerId) ?? { handshakes: 0, heldUntilMs: 0 };
    if (caller.handshakes >= MAX_PENDING_PER_PEER || this.#clock.monotonicMs() < caller.heldUntilMs)
      throw new LinkRefusal('CALLER_HELD', 'too many handshakes of this member', { peerId });
    this.#callers.set(peerId, caller);
    caller.handshakes += 1;
  }

  /** `isSpoiled`: certificates were read, and no link came of it. */
  end(peerId: string, isSpoiled: boolean): void {
    const caller = this.#callers.get(peerId);
    if (caller === undefined) return;
    caller.handshakes -= 1;
    if (isSpoiled) caller.heldUntilMs = this.#clock.monotonicMs() + CALLER_HOLD_MS;
  }
}
