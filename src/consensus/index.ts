export type { SlotStatus } from './committer.ts';
export type {
  CommittedSubDag,
  CoreOptions,
  CoreState,
  ExchangeState,
  InsertResult,
  Precheck,
  Proposal,
  Released,
} from './core.ts';
export { Core } from './core.ts';
export type { DagView } from './dag.ts';
export { BlockError, type BlockErrorCode, ConsensusHalt } from './errors.ts';
export { LeaderSchedule, type Slot } from './leader-schedule.ts';
export type { CommitPoint } from './linearizer.ts';
export { type BoundsOptions, DEFAULT_PACING, defaultBounds, type PacingOptions } from './options.ts';
export type { ProposeInput, Wait, WaitReason } from './pacemaker.ts';
export type { MissingBlock } from './suspension.ts';
