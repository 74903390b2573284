import { type Cause, cause } from './cause.ts';
import { duration } from './duration.ts';
import type { Seen } from './observation.ts';

/** Dates of answers have whole seconds. */
const TOLERANCE_MS = 3_000;
/** Counts as one of the clocks: the median of all is right as long as fewer than half are wrong. */
const OWN_CLOCK = 'this machine';

/** Codes of handshakes that fail because two clocks differ. */
export function isClockTrouble(code: string): boolean {
  return code === 'CERTIFICATE_EXPIRED';
}

/** Clocks that differ from the median of all, and those that their own validator says are off. */
export function clockCauses(seen: readonly Seen[]): Cause[] {
  const clocks = [
    { name: OWN_CLOCK, aheadMs: 0 },
    ...seen.flatMap(({ name, clockAheadMs }) =>
      // Of theirs, against the one of this machine.
      clockAheadMs === undefined ? [] : [{ name, aheadMs: -clockAheadMs }],
    ),
  ];
  const [own, only, ...more] = clocks;
  if (own !== undefined && only !== undefined && more.length === 0 && Math.abs(only.aheadMs) > TOLERANCE_MS) {
    const finding = `the clocks of ${own.name} and ${only.name} differ by ${duration(Math.abs(only.aheadMs))}`;
    return [cause('CLOCK', [only.name], finding)];
  }
  const sorted = clocks.map(({ aheadMs }) => aheadMs).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const off = clocks.filter(({ aheadMs }) => Math.abs(aheadMs - median) > TOLERANCE_MS);
  const causes = off.map(({ name, aheadMs }) => clockCause(name, aheadMs - median));
  for (const { name, status } of seen) {
    const { clockOffMs } = status.progress;
    if (clockOffMs !== 0 && !off.some((each) => each.name === name)) causes.push(clockCause(name, clockOffMs));
  }
  return [...causes, ...(causes.length === 0 ? clockRefusals(seen) : [])];
}

function clockCause(name: string, offMs: number): Cause {
  const finding = `the clock of ${name} is ${duration(Math.abs(offMs))} ${offMs > 0 ? 'ahead' : 'behind'}`;
  return cause('CLOCK', name === OWN_CLOCK ? [] : [name], finding);
}

/** Without the other's answer two clocks cannot be told apart, but that they differ can. */
function clockRefusals(seen: readonly Seen[]): Cause[] {
  for (const { name, status } of seen) {
    const peer = status.peers.find(({ trouble }) => trouble !== null && isClockTrouble(trouble.code));
    if (peer === undefined) continue;
    const finding = `the clocks of ${name} and ${peer.name} differ: a certificate is not valid now (${peer.trouble?.detail})`;
    return [cause('CLOCK', [name, peer.name], finding)];
  }
  return [];
}
