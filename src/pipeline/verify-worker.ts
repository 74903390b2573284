import { loadAddon } from '../addon/load-addon.ts';
import { verifyAhead } from '../execution/native-ledger.ts';
import { verdictOf } from './signature-verifier.ts';
import type { VerifyTask } from './verify-task.ts';

/**
 * Entry of the worker threads; its name is how piscina finds it. What it finds good is remembered by the ledger, which does not verify it again.
 * Answers with data, since the fields of an error do not cross threads; a throw means that nothing was checked.
 */
export function verifyTask({ ledger, slab, bytes, txCount }: VerifyTask): Uint8Array {
  return verifyAhead(ledger, new Uint8Array(slab, 0, bytes), txCount).map(verdictOf);
}

/** Asked once at the start: a pool whose workers cannot load the addon is no pool. */
export function ready(): void {
  loadAddon();
}
