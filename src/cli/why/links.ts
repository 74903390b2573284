import type * as Rest from '../../types/rest.ts';
import { type Cause, cause } from './cause.ts';
import { isClockTrouble } from './clocks.ts';
import type { Seen } from './observation.ts';

type Peer = Rest.Status['peers'][number];
export type Trouble = NonNullable<Peer['trouble']>;

/** Codes that say that a connection did not come about or was lost; all others are refusals of a handshake or greeting. */
const NO_REFUSALS: ReadonlySet<string> = new Set([
  ...[
    'CONNECTION_REFUSED',
    'NO_ANSWER',
    'DIAL_FAILED',
    'HANDSHAKE_FAILED',
    'PEER_SILENT',
    'SLOW_PEER',
    'CONNECTION_LOST',
  ],
  ...['BY_REPLICA', 'REPLACED', 'RENEWED', 'STOPPED', 'LINK_WORN', 'BINDING_MISMATCH', 'FRAME_TOO_LARGE'],
]);

export function isRefusal({ code }: Trouble): boolean {
  return !NO_REFUSALS.has(code);
}

export function linkRefused(one: string, other: string, { code, detail }: Trouble): Cause {
  return cause('LINK_REFUSED', [one, other], `${one} and ${other} refuse each other: ${code}: ${detail}`);
}

/** What one validator says of another. */
export function viewOf(by: Seen, name: string): Peer | undefined {
  return by.status.peers.find((peer) => peer.name === name);
}

/** Links that validators that all answer do not have with each other. */
export function brokenLinks(seen: readonly Seen[]): Cause[] {
  const refused: Cause[] = [];
  const cut = new Set<string>();
  for (const [i, one] of seen.entries()) {
    for (const other of seen.slice(i + 1)) {
      if (isLinked(one, other)) continue;
      const trouble = troubleBetween(one, other);
      if (trouble !== undefined && isRefusal(trouble)) {
        // Explained by the clocks.
        if (!isClockTrouble(trouble.code)) refused.push(linkRefused(one.name, other.name, trouble));
      } else for (const { name } of [one, other]) cut.add(name);
    }
  }
  return cut.size === 0 ? refused : [...refused, partition(seen, [...cut].sort())];
}

function partition(seen: readonly Seen[], cut: readonly string[]): Cause {
  const sides = groups(seen).map((side) => side.join(', '));
  const finding =
    sides.length > 1
      ? `${sides.join(' | ')}: all run, and have no links across`
      : `${cut.join(', ')}: all run, and some have no link with each other`;
  return cause('PARTITION', cut, finding);
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

/** In the eyes of both: they learn of a link, and of its end, at different moments. */
function isLinked(one: Seen, other: Seen): boolean {
  return viewOf(one, other.name)?.linked === true && viewOf(other, one.name)?.linked === true;
}

function troubleBetween(one: Seen, other: Seen): Trouble | undefined {
  const ends = [viewOf(one, other.name)?.trouble, viewOf(other, one.name)?.trouble].flatMap((trouble) => trouble ?? []);
  return ends.find(isRefusal) ?? ends[0];
}
