/** The machine's clock, timers and randomness, for tests that run real parts. */
export { SYSTEM_CLOCK, SYSTEM_RANDOM, SYSTEM_TIMERS } from '../../src/node/system.ts';
