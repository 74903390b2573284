import type { ValidatorId } from '../types/ids.ts';
import type { PeerAddress } from './options.ts';
import type { LinkAuthority, VerifiedLink } from './verify-link.ts';

/** Reports the first link with a newer key of a member, so that it can be remembered beyond this process. */
export type LinkKeySeen = (validatorId: ValidatorId, sequence: number) => void;

/** The members' keys by peer id, with the highest sequence of a link key seen of each: an older key that was stolen is worth nothing. */
export class MemberKeys {
  readonly #members: ReadonlyMap<string, PeerAddress>;
  readonly #sequences: Map<string, number>;
  readonly #seen: LinkKeySeen;

  constructor(members: readonly PeerAddress[], sequences: ReadonlyMap<string, number>, seen: LinkKeySeen) {
    this.#members = new Map(members.map((member) => [member.peerId, member]));
    this.#sequences = new Map(sequences);
    this.#seen = seen;
  }

  authority(peerId: string): LinkAuthority | undefined {
    const member = this.#members.get(peerId);
    return member && { ...member, sequence: this.#sequences.get(member.validatorId) ?? 0 };
  }

  /** A verified link has shown the key of this sequence. */
  verified({ validatorId, keySequence }: VerifiedLink): void {
    if (keySequence <= (this.#sequences.get(validatorId) ?? 0)) return;
    this.#sequences.set(validatorId, keySequence);
    this.#seen(validatorId, keySequence);
  }
}
