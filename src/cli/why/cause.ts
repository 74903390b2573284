/** Why a network, or one of its validators, does not move. The order is that of the answer: what others may follow from comes first. */
export const CAUSE_CODES = [
  /** It runs with another genesis. */
  'OTHER_NETWORK',
  /** It stopped because going on could break a promise. */
  'HALTED',
  /** Its disk refuses or stands. */
  'DISK',
  /** Its clock is not the one of the others. */
  'CLOCK',
  /** No process listens. */
  'DOWN',
  /** Its process is there and does not answer. */
  'STOPPED',
  /** Validators that run have no path to each other. */
  'PARTITION',
  /** A handshake or greeting between two validators is refused. */
  'LINK_REFUSED',
  /** No path to it, and nothing to tell a dead machine from a cut network. */
  'UNREACHABLE',
  /** It is linked and heard, and makes no blocks. */
  'MUTE',
  /** Checkpoints get no quorum of equal votes. */
  'ROOTS',
  /** It asks the others what its identity signed. */
  'RECOVERY',
  /** It takes over commits that it missed. */
  'SYNCING',
] as const;

export type CauseCode = (typeof CAUSE_CODES)[number];

export interface Cause {
  readonly code: CauseCode;
  /** Names of the validators it is about. */
  readonly validators: readonly string[];
  readonly finding: string;
  readonly advice: string;
}
