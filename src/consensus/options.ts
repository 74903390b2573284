/** How fast a node proposes. May differ between nodes: pacing cannot affect what is agreed. */
export interface PacingOptions {
  /** More than twice a push, a fetch and its reply (3 one-way delays) up to 65 ms one way. */
  readonly leaderTimeoutMs: number;
  /** Never doubles into hours: recovery after a long outage stays bounded. */
  readonly leaderTimeoutMaxMs: number;
  readonly leaderTimeoutGrowth: number;
  /** After this many rounds without a commit the timeout grows and every pause ends. */
  readonly stallRounds: number;
  /** A leader not heard of for this many rounds is not waited for: a crashed one costs a timeout 8/n times, then none. */
  readonly aliveRounds: number;
  /** First pause of a leader that let a timeout fire, in leader timeouts. One silent in its own slots costs 3 % instead of half the time. */
  readonly pauseTimeouts: number;
  /** Longest pause, and for how long after a pause the next one doubles. */
  readonly pauseMaxMs: number;
  /** Delay between own proposals at full load; 0 at `minRoundDelayFromLoad` and below: light load runs at network speed. */
  readonly minRoundDelayMaxMs: number;
  readonly minRoundDelayFromLoad: number;
  /** About 0.65 GB of log a day at four members. Any transaction wakes the round at once. */
  readonly idleRoundMs: number;
  /**
   * With nothing to do, but somebody's block of the round here: propose so long after the own last block. A transaction given to a validator
   * that has proposed already waits for the others' blocks, so this bounds its wait; one that is faulty can keep an idle network at this pace.
   */
  readonly idleJoinMs: number;
}

export const DEFAULT_PACING: PacingOptions = {
  leaderTimeoutMs: 400,
  leaderTimeoutMaxMs: 3_000,
  leaderTimeoutGrowth: 1.5,
  stallRounds: 10,
  aliveRounds: 8,
  pauseTimeouts: 4,
  pauseMaxMs: 60_000,
  minRoundDelayMaxMs: 25,
  minRoundDelayFromLoad: 0.25,
  idleRoundMs: 4_000,
  idleJoinMs: 100,
};

/** What strangers and faulty members can make a node hold. May differ between nodes: these limits delay, they never disagree. */
export interface BoundsOptions {
  /** Beyond it commit sync is cheaper than fetching blocks. */
  readonly maxRoundsAhead: number;
  /** Blocks waiting for ancestors, with their payloads: eight full blocks an author, 256 MiB in all. */
  readonly suspendedBytesPerAuthor: number;
  /** Ids that suspended blocks wait for: a map of about 1 MiB. */
  readonly maxMissing: number;
  /** Equivocating blocks fetched on behalf of one block; none are needed in an honest network. */
  readonly extraBudget: number;
  /** Equivocating blocks fetched beyond the budget once the network needs them. */
  readonly extrasPerSecond: number;
}

const MIB = 1024 * 1024;

export function defaultBounds(members: number, gcDepth: number): BoundsOptions {
  return {
    maxRoundsAhead: Math.min(400, Math.floor(gcDepth / 2)),
    suspendedBytesPerAuthor: Math.min(16 * MIB, Math.floor((256 * MIB) / members)),
    maxMissing: 10_000,
    extraBudget: 64,
    extrasPerSecond: 200,
  };
}
