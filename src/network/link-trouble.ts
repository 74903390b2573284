import { errorText } from '../util/errors.ts';
import type { LinkRefusal, LinkRefusalCode } from './link-refusal.ts';
import type { LinkEndedLabel } from './metrics.ts';

/** Why no link to a member is up, as far as this end has seen. */
export interface LinkTrouble {
  readonly code: LinkTroubleCode;
  readonly detail: string;
}

export type LinkTroubleCode =
  | LinkRefusalCode
  | LinkEndedLabel
  /** Nothing listens at the member's address. */
  | 'CONNECTION_REFUSED'
  /** The dial or its handshake did not get an answer in time. */
  | 'NO_ANSWER'
  | 'DIAL_FAILED';

/** @param cause what a dial failed with; libp2p keeps little more of it than its text */
export function dialTrouble(cause: unknown): LinkTrouble {
  const detail = errorText(cause);
  return { code: detail.includes('ECONNREFUSED') ? 'CONNECTION_REFUSED' : 'DIAL_FAILED', detail };
}

export function refusalTrouble({ code, detail }: LinkRefusal): LinkTrouble {
  return { code, detail };
}
