import type { PostureEntry } from './service.ts';

/** Hashes have a strength of their own, and clients of the API choose for themselves: neither says how a validator is protected. */
const NOT_COUNTED: readonly PostureEntry['purpose'][] = ['hash', 'api'];

/** The lowest NIST category over the keys and links in use. */
export function securityLevel(posture: readonly PostureEntry[]): number {
  return Math.min(...posture.filter(({ purpose }) => !NOT_COUNTED.includes(purpose)).map(({ category }) => category));
}
