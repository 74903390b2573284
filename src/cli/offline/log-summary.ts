import type { StoppedNode } from '../../node/stopped-node.ts';
import type { BlockMark } from '../../storage/index.ts';
import {
  type GuardReading,
  type LogRecord,
  type RestartVerdict,
  readGuard,
  restartVerdict,
} from '../../storage/index.ts';
import { formatRef } from '../../types/block.ts';
import { decodeSignedHeader } from '../../types/block-codec.ts';
import { decodeCertificate } from '../../types/certificate.ts';
import type { Commit } from '../../types/commit.ts';
import type { LogProgress } from './log-progress.ts';

export interface LogSummary {
  readonly counts: Readonly<Record<LogRecord['entry']['type'], number>>;
  readonly firstCommit: Commit | undefined;
  readonly lastCommit: Commit | undefined;
  /** Index of the newest certified checkpoint. */
  readonly certified: number;
  readonly lastOwn: BlockMark | undefined;
  readonly damaged: readonly string[];
}

/** One pass over all records. */
export async function summariseLog({ opened, modules }: StoppedNode, progress: LogProgress): Promise<LogSummary> {
  const { log, damage } = opened;
  const counts = { 'admitted-block': 0, 'own-block': 0, commit: 0, executed: 0, certificate: 0, evidence: 0 };
  let [firstCommit, lastCommit]: (Commit | undefined)[] = [];
  let lastOwn: BlockMark | undefined;
  let certified = 0;
  await log.scan(log.firstPosition, {
    record({ entry, sequence }) {
      progress.at(sequence);
      counts[entry.type] += 1;
      if (entry.type === 'commit') {
        firstCommit ??= entry.commit;
        lastCommit = entry.commit;
      } else if (entry.type === 'certificate') {
        certified = Math.max(certified, decodeCertificate(entry.bytes).statement.index);
      } else if (entry.type === 'own-block') {
        const { epoch, round, ref } = decodeSignedHeader(modules.hasher, entry.header, entry.signature);
        lastOwn = { epoch, round, id: ref.id };
      }
    },
    damaged: () => undefined,
  });
  const damaged = damage.map(({ file, offset, bytes, cause }) => `${file} at ${offset}, ${bytes} bytes (${cause})`);
  return { counts, firstCommit, lastCommit, certified, lastOwn, damaged };
}

/** The sign guard as it lies there, and what a start would make of it. */
export async function readVerdict(
  { options, opened, modules }: StoppedNode,
  lastOwn: BlockMark | undefined,
): Promise<{ readonly guard: GuardReading; readonly verdict: RestartVerdict }> {
  const guard = await readGuard(options.paths.guard, modules);
  return { guard, verdict: restartVerdict(guard, { logId: opened.log.logId, lastOwn }) };
}

export function guardLine(guard: GuardReading): string {
  if (guard.state !== 'good') return guard.state;
  const { block, vote } = guard.value;
  return `round ${block.round}, checkpoint vote ${vote.index}${guard.soundSlots === 1 ? ', one slot is damaged' : ''}`;
}

export function commitLine({ index, timeMs, leader, refs, digest }: Commit): string {
  return `${index} of ${new Date(timeMs).toISOString()}, leader ${formatRef(leader)}, ${refs.length} blocks, ${digest}`;
}
