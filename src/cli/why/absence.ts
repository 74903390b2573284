import { type Cause, cause } from './cause.ts';
import { isClockTrouble } from './clocks.ts';
import { duration } from './duration.ts';
import { isRefusal, linkRefused, viewOf } from './links.ts';
import type { Seen, Unseen } from './observation.ts';

/** Linked validators say something once a lease interval; this long a silence is none of the network's. */
const SILENT_MS = 3_000;
/** Rounds behind the others at which a validator that is linked and heard counts as making no blocks. */
const MUTE_ROUNDS = 3;

/** A member that no address answered for, by what the others have of it and by how the silent addresses are silent. */
export function absenceOf(name: string, seen: readonly Seen[], unseen: readonly Unseen[]): Cause[] {
  const views = seen.flatMap((by) => {
    const peer = viewOf(by, name);
    return peer === undefined ? [] : [{ by, peer }];
  });
  const heard = views.flatMap(({ peer }) => peer.lastSeenMs ?? []);
  const since = heard.length === 0 ? 'never heard' : `last heard ${duration(Math.min(...heard))} ago`;
  const about = (code: 'DOWN' | 'STOPPED' | 'UNREACHABLE' | 'MUTE', what: string): Cause[] => [
    cause(code, [name], `${name} ${what}, ${since}`),
  ];
  const linked = views.filter(({ peer }) => peer.linked);
  if (linked.length > 0) {
    if (linked.every(({ peer }) => (peer.lastSeenMs ?? 0) > SILENT_MS)) return about('STOPPED', 'is linked and silent');
    const round = Math.max(...seen.map(({ status }) => status.round));
    const lastRound = Math.max(...views.map(({ peer }) => peer.highestRound));
    const isAwaited = views.some(({ by, peer }) => isStalledBy(by, peer.author));
    if (!isAwaited && round - lastRound <= MUTE_ROUNDS) return [];
    return about('MUTE', `is linked, but its last block is of round ${lastRound} of ${round}`);
  }
  const troubles = views.flatMap(({ by, peer }) =>
    peer.trouble === null ? [] : [{ by: by.name, trouble: peer.trouble }],
  );
  if (troubles.some(({ trouble }) => trouble.code === 'CONNECTION_REFUSED'))
    return about('DOWN', 'does not run: nothing listens at its address');
  const refused = troubles.find(({ trouble }) => isRefusal(trouble));
  // Explained by the clocks.
  if (refused !== undefined && isClockTrouble(refused.trouble.code)) return [];
  if (refused !== undefined) return [linkRefused(refused.by, name, refused.trouble)];
  const hows = new Set(unseen.map(({ how }) => how));
  if (hows.size === 1 && hows.has('refused')) return about('DOWN', 'does not run: nothing listens at its API');
  if (hows.size === 1 && hows.has('silent')) return about('STOPPED', 'takes connections and answers nothing');
  const codes = new Set(troubles.map(({ trouble }) => trouble.code.toLowerCase().replaceAll('_', ' ')));
  return about('UNREACHABLE', `cannot be reached (${[...codes].join(', ') || 'no link yet'})`);
}

function isStalledBy({ status }: Seen, author: number): boolean {
  return !status.readiness.quorumProgressing.ok && status.waiting.awaiting.includes(author);
}
