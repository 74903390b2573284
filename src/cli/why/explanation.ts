import type { Cause } from './cause.ts';
import { findCauses, splitByNetwork } from './causes.ts';
import { duration } from './duration.ts';
import type { Observation, Seen } from './observation.ts';

export interface Explanation {
  /** No validator that answered has had a commit of late, or those that answered have too few links to make another. */
  readonly stalled: boolean;
  /** One sentence: what stands, since when, and what is awaited. */
  readonly headline: string;
  readonly causes: readonly Cause[];
  /** What comes next by itself, soonest first. */
  readonly attempts: readonly string[];
}

const MAX_ATTEMPTS = 4;

/** @param nowMs wall clock of this machine */
export function explain(
  observations: readonly Observation[],
  networkId: string | undefined,
  nowMs: number,
): Explanation {
  const { seen } = splitByNetwork(observations, networkId);
  const causes = findCauses(observations, networkId, nowMs);
  const stalled = seen.every(isStalled);
  return { stalled, headline: headline(seen, stalled), causes, attempts: attempts(seen) };
}

/** An idle network commits every few seconds: links are missed before commits are. */
function isStalled({ status: { readiness } }: Seen): boolean {
  return !readiness.quorumProgressing.ok || readiness.ableToSign.code === 'NO_LEASE';
}

function headline(seen: readonly Seen[], stalled: boolean): string {
  // Who knows most stands closest to what is missing.
  const [best] = [...seen].sort((a, b) => b.status.round - a.status.round);
  if (best === undefined) return 'No validator of the network answered.';
  const { status } = best;
  const sinceMs = Math.min(...seen.map((each) => each.status.progress.sinceCommitMs));
  if (stalled)
    return `Stalled: no commit for ${duration(sinceMs)}. Commit ${status.lastCommit}, round ${status.round}: ${awaited(best)}.`;
  const moves = `commit ${status.lastCommit} is ${duration(sinceMs)} old`;
  const refusing = seen.filter((each) => !each.status.readiness.acceptingTransactions.ok);
  if (refusing[0] === undefined) return `Not stalled: ${moves}.`;
  const { code, reason } = refusing[0].status.readiness.acceptingTransactions;
  const names = refusing.map(({ name }) => name).join(', ');
  const some = `${names} ${refusing.length === 1 ? 'takes' : 'take'} no transactions`;
  const what = refusing.length === seen.length ? 'No transactions are taken' : some;
  return `${what}: ${code}: ${reason}; ${moves}.`;
}

/** In words: of whom, and of how much power, blocks or links are missing for the next own block. */
function awaited(best: Seen): string {
  const { reason, awaiting } = best.status.waiting;
  const { peers, readiness } = best.status;
  const unlinked = peers.filter(({ linked }) => !linked).map(({ author }) => author);
  if (readiness.ableToSign.code === 'NO_LEASE') return missing(best, 'links', unlinked);
  if (reason === 'barred') return `${best.name} may not sign: ${readiness.ableToSign.reason ?? 'it does not say why'}`;
  if (reason === 'quorum') return missing(best, 'blocks', awaiting);
  const names = best.validators.validators.filter(({ author }) => awaiting.includes(author)).map(({ name }) => name);
  return `${best.name} waits (${reason}${names.length === 0 ? '' : ` of ${names.join(', ')}`})`;
}

function missing({ validators }: Seen, what: string, authors: readonly number[]): string {
  const absent = validators.validators.filter(({ author }) => authors.includes(author));
  const power = validators.totalPower - absent.reduce((sum, each) => sum + each.power, 0);
  const names = absent.map(({ name }) => name).join(', ') || 'nobody';
  return `${what} of power ${power} of ${validators.quorum} needed, missing ${names}`;
}

function attempts(seen: readonly Seen[]): string[] {
  const dials = seen.flatMap(({ name, status }) =>
    status.peers.flatMap((peer) =>
      peer.trouble === null ? [] : [{ inMs: peer.trouble.nextDialMs, what: `${name} dials ${peer.name}` }],
    ),
  );
  const own = seen
    .filter(isStalled)
    .map(({ name, status }) => ({ inMs: status.progress.nextAttemptMs, what: `${name} sends its state again` }));
  return [...dials, ...own.slice(0, 1)]
    .sort((a, b) => a.inMs - b.inMs)
    .slice(0, MAX_ATTEMPTS)
    .map(({ inMs, what }) => `${what} in ${duration(inMs)}`);
}
