/** A pending call. Cancelling twice, or after it fired, is harmless. */
export interface Timer {
  cancel(): void;
}

/** Delayed calls on the monotonic clock. The callback runs on the main thread, never before `delayMs` has passed. */
export interface Timers {
  after(delayMs: number, callback: () => void): Timer;
}
