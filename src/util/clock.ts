/** Time as the node sees it. The simulator supplies virtual time; production code lives in `src/node`. */
export interface Clock {
  /** Wall clock, milliseconds since 1970 in UTC. May jump; used for block timestamps and expiry only. */
  wallMs(): number;
  /** Monotonic milliseconds since an arbitrary start; used for every timeout and lease. */
  monotonicMs(): number;
}
