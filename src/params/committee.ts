import type { Hasher } from '../crypto/hasher.ts';
import { type AuthorIndex, id, type ValidatorId } from '../types/ids.ts';
import { MAX_COMMITTEE, MAX_TOTAL_POWER, PUBLIC_KEY_BYTES } from '../types/limits.ts';
import { assert } from '../util/assert.ts';
import { ParamsError } from './errors.ts';

/** A validator of the committee. Each of its keys has one purpose: docs/spec/cryptography.md. */
export interface Member {
  readonly validatorId: ValidatorId;
  readonly name: string;
  /** Certifies the other two keys; kept offline. */
  readonly identityKey: Uint8Array;
  /** Signs blocks and checkpoint votes, only through the sign guard. */
  readonly consensusKey: Uint8Array;
  /** Authenticates links. */
  readonly linkKey: Uint8Array;
  /** Voting power, an integer from 1. */
  readonly power: number;
  readonly peerId: string;
  /** `host:port`; a hint that configuration may override. */
  readonly address: string;
}

/**
 * The validators of an epoch and the thresholds of voting power: at most `f` may be faulty, `quorum` = W - f, and any `validity` = f + 1
 * contains an honest one. Members are sorted by validator id; an author index is a position in that order.
 */
export class Committee {
  readonly members: readonly Member[];
  readonly totalPower: number;
  readonly f: number;
  readonly quorum: number;
  readonly validity: number;

  /** @throws ParamsError COMMITTEE_INVALID */
  constructor(members: readonly Member[]) {
    const problems = committeeProblems(members);
    if (problems.length > 0) throw ParamsError.of('COMMITTEE_INVALID', 'the committee cannot be used', problems);
    this.members = [...members].sort((a, b) => (a.validatorId < b.validatorId ? -1 : 1));
    this.totalPower = members.reduce((sum, member) => sum + member.power, 0);
    this.f = Math.floor((this.totalPower - 1) / 3);
    this.quorum = this.totalPower - this.f;
    this.validity = this.f + 1;
    assert(3 * this.f < this.totalPower, '3f < W');
    assert(2 * this.quorum - this.totalPower >= this.validity, 'two quorums share an honest member');
  }

  get size(): number {
    return this.members.length;
  }

  member(author: AuthorIndex): Member {
    const member = this.members[author];
    assert(member !== undefined, 'author index within the committee');
    return member;
  }

  power(author: AuthorIndex): number {
    return this.member(author).power;
  }

  indexOf(validatorId: ValidatorId): AuthorIndex | undefined {
    const index = this.members.findIndex((member) => member.validatorId === validatorId);
    return index < 0 ? undefined : index;
  }
}

export function validatorId(hasher: Hasher, identityKey: Uint8Array): ValidatorId {
  return id<ValidatorId>(hasher.hash('vid', identityKey));
}

/** Sound, but fragile: what an operator should hear before starting such a network. */
export function committeeWarnings(committee: Committee): string[] {
  const warnings: string[] = [];
  if (committee.f === 0 && committee.size > 1) {
    warnings.push(
      `${committee.size} validators tolerate no fault: with one down the network halts (and loses nothing); use 4 or more`,
    );
  }
  const strong = committee.members.filter((member) => member.power > committee.f);
  if (committee.size >= 4 && strong.length > 0) {
    warnings.push(
      `the loss of ${strong.map((member) => member.name).join(' or ')} alone halts the network: power above f = ${committee.f}`,
    );
  }
  return warnings;
}

/** Every problem of the set, in words; empty when it can be a committee. */
export function committeeProblems(members: readonly Member[]): string[] {
  const problems: string[] = [];
  if (members.length < 1 || members.length > MAX_COMMITTEE)
    problems.push(`1 to ${MAX_COMMITTEE} members needed, ${members.length} given`);
  let total = 0;
  for (const { name, power, identityKey, consensusKey, linkKey } of members) {
    if (!Number.isSafeInteger(power) || power < 1)
      problems.push(`${name}: power must be an integer from 1, is ${power}`);
    for (const [purpose, key] of Object.entries({ identityKey, consensusKey, linkKey })) {
      if (key.length !== PUBLIC_KEY_BYTES)
        problems.push(`${name}: ${purpose} must have ${PUBLIC_KEY_BYTES} bytes, has ${key.length}`);
    }
    total += power;
  }
  if (total > MAX_TOTAL_POWER) problems.push(`total power ${total} is above ${MAX_TOTAL_POWER}`);
  for (const field of ['validatorId', 'name', 'peerId'] as const) {
    const seen = new Set(members.map((member) => member[field]));
    if (seen.size !== members.length) problems.push(`two members share a ${field}`);
  }
  return problems;
}
