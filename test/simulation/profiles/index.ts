import type { Profile } from '../profile.ts';
import { AMNESIA } from './amnesia.ts';
import { BYZANTINE } from './byzantine.ts';
import { CHAOS, REAL } from './chaos.ts';
import { CORNERS } from './corners.ts';
import { DAG } from './dag.ts';
import { LEDGER } from './ledger.ts';
import { PACING } from './pacing.ts';
import { PESTERED } from './pestered.ts';
import { RECOVERY } from './recovery.ts';

/** Every kind of world that seeds are run in. */
export const PROFILES: readonly Profile[] = [
  CHAOS,
  REAL,
  BYZANTINE,
  DAG,
  LEDGER,
  PACING,
  RECOVERY,
  AMNESIA,
  CORNERS,
  PESTERED,
];

export function profileNamed(name: string): Profile {
  const found = PROFILES.find((profile) => profile.name === name);
  if (found === undefined)
    throw new RangeError(`no profile ${name}; there are ${PROFILES.map((profile) => profile.name).join(', ')}`);
  return found;
}
