import { type BlockMark, compareRounds, NO_BLOCK } from './guard-slot.ts';
import type { GuardReading } from './sign-guard.ts';

export type RecoveryReason =
  | 'guard-missing'
  | 'guard-corrupt'
  | 'guard-of-other-log'
  | 'log-behind-guard'
  | 'log-conflicts-with-guard'
  /** The operator knows of a restored backup or another loss that the files do not show. */
  | 'requested';

/** What a restarted node may do about signing: docs/spec/storage.md, "Restart". */
export type RestartVerdict =
  /** The last own block was logged and never sent: advance the guard to it, then send it. */
  | { readonly action: 'adopt-own' }
  /** The last own block may have reached anybody or nobody: send it again. */
  | { readonly action: 'resend' }
  /** Nothing signed under this guard yet: sign above it. */
  | { readonly action: 'continue' }
  /** This node may have signed what it no longer knows: sign nothing before the recovery by a quorum. */
  | { readonly action: 'recover'; readonly reason: RecoveryReason };

/**
 * @param guard as read, after its owner was checked
 * @param log `lastOwn`: the last own block that the verified log holds
 */
export function restartVerdict(
  guard: GuardReading,
  log: { readonly logId: string; readonly lastOwn: BlockMark | undefined },
): RestartVerdict {
  if (guard.state === 'missing') return { action: 'recover', reason: 'guard-missing' };
  if (guard.state === 'corrupt') return { action: 'recover', reason: 'guard-corrupt' };
  const { identity, block: guarded } = guard.value;
  if (identity.logId !== log.logId) return { action: 'recover', reason: 'guard-of-other-log' };
  const order = log.lastOwn === undefined ? -1 : compareRounds(log.lastOwn, guarded);
  if (order > 0) return { action: 'adopt-own' };
  // A barred round is above everything ever signed, whatever the log has lost.
  if (guarded.id === NO_BLOCK) return { action: 'continue' };
  if (order < 0) return { action: 'recover', reason: 'log-behind-guard' };
  if (log.lastOwn?.id === guarded.id) return { action: 'resend' };
  return { action: 'recover', reason: 'log-conflicts-with-guard' };
}
