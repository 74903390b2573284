import { absenceOf } from './absence.ts';
import { CAUSE_CODES, type Cause, cause } from './cause.ts';
import { clockCauses } from './clocks.ts';
import { brokenLinks } from './links.ts';
import type { Observation, Seen, Unseen } from './observation.ts';
import { votesMissing } from './votes.ts';

/** Everything that the observations of one moment show, root causes first. */
export function findCauses(
  observations: readonly Observation[],
  networkId: string | undefined,
  nowMs: number,
): Cause[] {
  const { seen, strangers } = splitByNetwork(observations, networkId);
  const unseen = observations.filter((each) => each.kind === 'unseen');
  const known = new Set([...seen, ...strangers].map(({ name }) => name));
  const absent = (seen[0]?.validators.validators ?? []).filter(({ name }) => !known.has(name));
  const causes = [
    ...strangers.map((stranger) => otherNetwork(stranger, seen)),
    ...(seen.length === 0 ? unseen.map(unseenAlone) : []),
    ...clockCauses(seen),
    ...seen.flatMap(ownCause),
    ...absent.flatMap(({ name }) => absenceOf(name, seen, unseen)),
    ...brokenLinks(seen),
    ...votesMissing(seen, nowMs),
  ];
  const rank = ({ code }: Cause): number => CAUSE_CODES.indexOf(code);
  const about = ({ validators }: Cause): string => validators.join();
  return causes.sort((a, b) => rank(a) - rank(b) || (about(a) < about(b) ? -1 : 1));
}

/** `seen` are of the network that was asked for, or that most of the answers are of; the first of equals. */
export function splitByNetwork(
  observations: readonly Observation[],
  networkId: string | undefined,
): { readonly seen: readonly Seen[]; readonly strangers: readonly Seen[] } {
  const all = observations.filter((each) => each.kind === 'seen');
  const size = (id: string): number => all.filter((each) => each.networkId === id).length;
  const first = all[0]?.networkId ?? '';
  const chosen =
    networkId ?? all.reduce((best, each) => (size(each.networkId) > size(best) ? each.networkId : best), first);
  const isOf = (each: Seen): boolean => each.networkId === chosen;
  return { seen: all.filter(isOf), strangers: all.filter((each) => !isOf(each)) };
}

function otherNetwork({ name, networkId }: Seen, seen: readonly Seen[]): Cause {
  const others = seen.map((each) => each.name).join(', ');
  const rest = seen[0] === undefined ? 'not the one asked for' : `${others}: ${seen[0].networkId}`;
  return cause('OTHER_NETWORK', [name], `${name} runs network ${networkId}, ${rest}`);
}

function unseenAlone({ url, how, text }: Unseen): Cause {
  const code = { refused: 'DOWN', silent: 'STOPPED', unreachable: 'UNREACHABLE' } as const;
  return cause(code[how], [url], `${url}: ${text}`);
}

/** What a validator says of itself. */
function ownCause({ name, status }: Seen): Cause[] {
  const { alive, ableToSign, synced } = status.readiness;
  if (!alive.ok) return [cause('HALTED', [name], `${name} halted: ${alive.code}: ${alive.reason}`)];
  if (ableToSign.code === 'DISK') return [cause('DISK', [name], `the disk of ${name}: ${ableToSign.reason}`)];
  if (ableToSign.code === 'IDENTITY_RECOVERY')
    return [cause('RECOVERY', [name], `${name} recovers its identity: ${ableToSign.reason}`)];
  if (synced.ok) return [];
  return [cause('SYNCING', [name], `${name} takes over commits, now at ${status.lastCommit}`)];
}
