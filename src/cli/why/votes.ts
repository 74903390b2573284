import { type Cause, cause } from './cause.ts';
import type { Seen } from './observation.ts';

/** Votes travel with the next blocks; a checkpoint without a quorum of them for so long will not get one by itself. */
const LATE_MS = 5_000;

/**
 * Votes that are missing on the oldest uncertified checkpoint, as the validator sees it that has most of them. Where nothing is committed
 * votes cannot travel: that stall has another cause.
 */
export function votesMissing(seen: readonly Seen[], nowMs: number): Cause[] {
  const moving = seen.filter(({ status }) => status.readiness.quorumProgressing.ok);
  const open = moving.flatMap(({ status: { progress }, validators }) =>
    progress.votes === null ? [] : [{ votes: progress.votes, validators }],
  );
  const [best] = open.sort((a, b) => b.votes.agreeing.length - a.votes.agreeing.length);
  if (best === undefined) return [];
  const { votes, validators } = best;
  if (votes.differing.length === 0 && nowMs - votes.timeMs < LATE_MS) return [];
  const members = validators.validators;
  const agreeing = members.filter(({ author }) => votes.agreeing.includes(author));
  const differing = members.filter(({ author }) => votes.differing.includes(author));
  const missing = members.filter((member) => !agreeing.includes(member) && !differing.includes(member));
  const power = agreeing.reduce((sum, member) => sum + member.power, 0);
  const finding = [
    `checkpoint ${votes.checkpoint} has votes of power ${power} of ${validators.quorum} needed`,
    ...(missing.length > 0 ? [`missing ${names(missing)}`] : []),
    ...(differing.length > 0 ? [`${names(differing)} signed another state`] : []),
    ...seen.flatMap(({ name, status: { progress } }) =>
      progress.votes?.ownFailure ? [`${name} does not sign: ${progress.votes.ownFailure}`] : [],
    ),
  ];
  return [
    cause(
      'ROOTS',
      [...missing, ...differing].map(({ name }) => name),
      finding.join('; '),
    ),
  ];
}

function names(members: readonly { readonly name: string }[]): string {
  return members.map(({ name }) => name).join(', ');
}
