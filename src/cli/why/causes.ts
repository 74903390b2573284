import type * as Rest from '../../types/rest.ts';
import { CAUSE_CODES, type Cause } from './cause.ts';
import { clockCauses, isClockTrouble } from './clocks.ts';
import { duration } from './duration.ts';
import type { Observation, Seen, Unseen } from './observation.ts';

/** Linked validators say something once a lease interval; this long a silence is none of the network's. */
const SILENT_MS = 3_000;
/** Rounds behind the others at which a validator that is linked and heard counts as making no blocks. */
const MUTE_ROUNDS = 3;
/** Votes travel with the next blocks; a checkpoint without a quorum of them for so long will not get one by itself. */
const VOTES_LATE_MS = 5_000;

type Peer = Rest.Status['peers'][number];

/** Everything that the observations of one moment show, root causes first. `seen` is of one network. */
export function findCauses(
  observations: readonly Observation[],
  networkId: string | undefined,
  nowMs: number,
): Cause[] {
  const all = observations.filter((each) => each.kind === 'seen');
  const unseen = observations.filter((each) => each.kind === 'unseen');
  const { seen, strangers } = splitByNetwork(all, networkId);
  const causes = [...strangers.map((each) => otherNetwork(each, seen))];
  if (seen.length === 0) causes.push(...unseen.map(unseenAlone));
  causes.push(...clockCauses(seen), ...seen.flatMap(ownCauses));
  const known = new Set([...seen, ...strangers].map(({ name }) => name));
  for (const { name } of seen[0]?.validators.validators ?? [])
    if (!known.has(name)) causes.push(...absenceOf(name, seen, unseen));
  causes.push(...brokenLinks(seen), ...votesMissing(seen, nowMs));
  const about = ({ validators }: Cause): string => validators.join();
  const rank = ({ code }: Cause): number => CAUSE_CODES.indexOf(code);
  return causes.sort((a, b) => rank(a) - rank(b) || (about(a) < about(b) ? -1 : 1));
}

/** The network that was asked for, or the one that most of the answers are of; the first of equals. */
export function splitByNetwork(
  all: readonly Seen[],
  networkId: string | undefined,
): { readonly seen: readonly Seen[]; readonly strangers: readonly Seen[] } {
  const size = (id: string): number => all.filter((each) => each.networkId === id).length;
  const chosen =
    networkId ??
    all.reduce((best, each) => (size(each.networkId) > size(best) ? each.networkId : best), all[0]?.networkId ?? '');
  return {
    seen: all.filter((each) => each.networkId === chosen),
    strangers: all.filter((each) => each.networkId !== chosen),
  };
}

function otherNetwork({ name, networkId }: Seen, seen: readonly Seen[]): Cause {
  const others = seen.map((each) => each.name).join(', ') || 'the one asked for';
  return {
    code: 'OTHER_NETWORK',
    validators: [name],
    finding: `${name} runs network ${networkId}, ${others}: ${seen[0]?.networkId ?? 'another'}`,
    advice:
      'give it the genesis.json and accounts.bin of the others; `av10 genesis check` prints the network id of a file',
  };
}

function unseenAlone({ url, how, text }: Unseen): Cause {
  const code = how === 'refused' ? 'DOWN' : how === 'silent' ? 'STOPPED' : 'UNREACHABLE';
  return { code, validators: [url], finding: `${url}: ${text}`, advice: ADVICE[code] };
}

/** What a validator says of itself. */
function ownCauses({ name, status }: Seen): Cause[] {
  const { alive, ableToSign, synced } = status.readiness;
  const about = { validators: [name] };
  if (!alive.ok)
    return [
      { ...about, code: 'HALTED', finding: `${name} halted: ${alive.code}: ${alive.reason}`, advice: ADVICE.HALTED },
    ];
  if (ableToSign.code === 'DISK')
    return [{ ...about, code: 'DISK', finding: `the disk of ${name}: ${ableToSign.reason}`, advice: ADVICE.DISK }];
  if (ableToSign.code === 'IDENTITY_RECOVERY')
    return [
      {
        ...about,
        code: 'RECOVERY',
        finding: `${name} recovers its identity: ${ableToSign.reason}`,
        advice: ADVICE.RECOVERY,
      },
    ];
  if (!synced.ok)
    return [
      {
        ...about,
        code: 'SYNCING',
        finding: `${name} takes over commits, now at ${status.lastCommit}`,
        advice: ADVICE.SYNCING,
      },
    ];
  return [];
}

/** A member that no address answered for, by what the others have of it. */
function absenceOf(name: string, seen: readonly Seen[], unseen: readonly Unseen[]): Cause[] {
  const views = seen.flatMap(({ status }) => status.peers.find((peer) => peer.name === name) ?? []);
  const linked = views.filter((peer) => peer.linked);
  const about = (code: 'DOWN' | 'STOPPED' | 'UNREACHABLE' | 'MUTE', what: string): Cause[] => [
    { code, validators: [name], finding: `${name} ${what}${since(views)}`, advice: ADVICE[code] },
  ];
  if (linked.length > 0) {
    const silentMs = Math.min(...linked.map(({ lastSeenMs }) => lastSeenMs ?? 0));
    if (silentMs > SILENT_MS) return about('STOPPED', 'is linked and silent');
    const round = Math.max(...seen.map(({ status }) => status.round));
    const ownRound = Math.max(...views.map(({ highestRound }) => highestRound));
    const isAwaited = seen.some((each) => isStalledBy(each, name));
    if (!isAwaited && round - ownRound <= MUTE_ROUNDS) return [];
    return about(
      'MUTE',
      `is linked and heard, but its last block is of round ${ownRound} of ${round}: it says why at its own --url;`,
    );
  }
  const troubles = views.flatMap(({ trouble }) => trouble ?? []);
  const codes = new Set(troubles.map(({ code }) => code));
  if (codes.has('CONNECTION_REFUSED')) return about('DOWN', 'does not run: nothing listens at its address');
  const refused = troubles.find(({ code }) => isRefusal(code));
  if (refused !== undefined && !isClockTrouble(refused.code))
    return [linkRefused([name], seen[0]?.name ?? '', refused)];
  if (refused !== undefined) return [];
  const hows = new Set(unseen.map(({ how }) => how));
  if (hows.size === 1 && hows.has('refused')) return about('DOWN', 'does not run: nothing listens at its API');
  if (hows.size === 1 && hows.has('silent')) return about('STOPPED', 'takes connections and answers nothing');
  const detail = [...codes].join(', ').toLowerCase().replaceAll('_', ' ');
  return about('UNREACHABLE', `cannot be reached (${detail || 'no link yet'})`);
}

/** Links that two validators that both answer do not have. */
function brokenLinks(seen: readonly Seen[]): Cause[] {
  const causes: Cause[] = [];
  const cut = new Set<string>();
  for (const one of seen) {
    for (const other of seen) {
      const peer = one.status.peers.find(({ name }) => name === other.name);
      if (one.name >= other.name || peer === undefined || isLinked(one, other)) continue;
      const trouble = troubleBetween(one, other);
      if (trouble !== undefined && isClockTrouble(trouble.code)) continue;
      if (trouble !== undefined && isRefusal(trouble.code))
        causes.push(linkRefused([one.name, other.name], one.name, trouble));
      else for (const { name } of [one, other]) cut.add(name);
    }
  }
  const sides = groups(seen);
  if (cut.size === 0) return causes;
  const finding =
    sides.length > 1
      ? `${sides.map((side) => side.join(', ')).join(' | ')}: all run, and have no links across`
      : `${[...cut].join(', ')}: all run, and some have no link with each other`;
  return [...causes, { code: 'PARTITION', validators: [...cut].sort(), finding, advice: ADVICE.PARTITION }];
}

/** Names of those that reach each other, over others or directly. */
function groups(seen: readonly Seen[]): string[][] {
  const rest = new Set(seen);
  const found: string[][] = [];
  for (const first of seen) {
    if (!rest.delete(first)) continue;
    const group = [first];
    for (const member of group) {
      for (const other of rest) {
        if (!isLinked(member, other)) continue;
        rest.delete(other);
        group.push(other);
      }
    }
    found.push(group.map(({ name }) => name));
  }
  return found;
}

/** By either end: the two learn of a link, and of its end, at different moments. */
function isLinked(one: Seen, other: Seen): boolean {
  const has = (from: Seen, to: Seen): boolean =>
    from.status.peers.some(({ name, linked }) => name === to.name && linked);
  return has(one, other) && has(other, one);
}

function troubleBetween(one: Seen, other: Seen): NonNullable<Peer['trouble']> | undefined {
  const ends = [
    one.status.peers.find(({ name }) => name === other.name)?.trouble,
    other.status.peers.find(({ name }) => name === one.name)?.trouble,
  ].filter((trouble) => trouble !== null && trouble !== undefined);
  return ends.find(({ code }) => isRefusal(code)) ?? ends[0];
}

/** Votes on the oldest uncertified checkpoint, as the validator that has most of them sees it. */
function votesMissing(seen: readonly Seen[], nowMs: number): Cause[] {
  const moving = seen.filter(({ status }) => status.readiness.quorumProgressing.ok);
  const open = moving.flatMap(({ status, validators }) =>
    status.progress.votes === null ? [] : [{ votes: status.progress.votes, validators }],
  );
  const [best] = open.sort((a, b) => b.votes.agreeing.length - a.votes.agreeing.length);
  if (best === undefined) return [];
  const { votes, validators } = best;
  if (votes.differing.length === 0 && nowMs - votes.timeMs < VOTES_LATE_MS) return [];
  const members = validators.validators;
  const power = members
    .filter(({ author }) => votes.agreeing.includes(author))
    .reduce((sum, each) => sum + each.power, 0);
  const missing = members.filter(({ author }) => !votes.agreeing.includes(author) && !votes.differing.includes(author));
  const differing = members.filter(({ author }) => votes.differing.includes(author));
  const failures = seen.flatMap(({ name, status }) =>
    status.progress.votes?.ownFailure ? [`${name} does not sign: ${status.progress.votes.ownFailure}`] : [],
  );
  const parts = [
    `checkpoint ${votes.checkpoint} has votes of power ${power} of ${validators.quorum} needed`,
    ...(missing.length > 0 ? [`missing ${names(missing)}`] : []),
    ...(differing.length > 0 ? [`${names(differing)} signed another state`] : []),
    ...failures,
  ];
  const concerned = [...missing, ...differing].map(({ name }) => name);
  return [{ code: 'ROOTS', validators: concerned, finding: parts.join('; '), advice: ADVICE.ROOTS }];
}

function linkRefused(
  validators: readonly string[],
  by: string,
  trouble: { readonly code: string; readonly detail: string },
): Cause {
  const finding = `${by} and ${validators.filter((name) => name !== by).join(', ')} refuse each other: ${trouble.code}: ${trouble.detail}`;
  return { code: 'LINK_REFUSED', validators, finding, advice: ADVICE.LINK_REFUSED };
}

/** Codes of handshakes and greetings; the others say that a connection did not come about or was lost. */
function isRefusal(code: string): boolean {
  return !NO_REFUSALS.has(code);
}

const NO_REFUSALS: ReadonlySet<string> = new Set([
  ...[
    'CONNECTION_REFUSED',
    'NO_ANSWER',
    'DIAL_FAILED',
    'HANDSHAKE_FAILED',
    'PEER_SILENT',
    'CONNECTION_LOST',
    'SLOW_PEER',
  ],
  ...['BY_REPLICA', 'REPLACED', 'RENEWED', 'STOPPED', 'LINK_WORN', 'BINDING_MISMATCH', 'FRAME_TOO_LARGE'],
]);

function isStalledBy({ status }: Seen, name: string): boolean {
  const author = status.peers.find((peer) => peer.name === name)?.author;
  return !status.readiness.quorumProgressing.ok && author !== undefined && status.waiting.awaiting.includes(author);
}

function since(views: readonly Peer[]): string {
  const heard = views.flatMap(({ lastSeenMs }) => lastSeenMs ?? []);
  return heard.length === 0 ? ', and was never heard' : `, last heard ${duration(Math.min(...heard))} ago`;
}

function names(members: readonly { readonly name: string }[]): string {
  return members.map(({ name }) => name).join(', ');
}

const ADVICE = {
  HALTED: 'keep its data folder, read its log, see docs/troubleshooting.md before it is started again',
  DISK: 'make space or mend the disk: it goes on by itself',
  DOWN: 'start it; its log says why it ended',
  STOPPED:
    'look at its process (stopped, swapping, or its machine hangs) and let it go on, or end it and start it again',
  UNREACHABLE: 'its machine is off or the network to it is cut: ask its API with --url from where it is reachable',
  MUTE: 'ask it: `av10 why --url` with its API',
  PARTITION: 'look at firewalls, routes and the addresses in genesis and --peer-addresses',
  LINK_REFUSED: 'docs/troubleshooting.md lists the codes',
  ROOTS: 'read the logs of those validators; one that signed another state must be restored from a snapshot',
  RECOVERY: 'nothing to do while its peers run; with few of them it waits for the rest',
  SYNCING: 'nothing to do',
} as const;
