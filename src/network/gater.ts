import type { ConnectionGater } from '@libp2p/interface';
import { getNetConfig } from '@libp2p/utils';
import type { Clock } from '../util/clock.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import { HANDSHAKES_PER_MEMBER_PER_SECOND, STRANGER_HANDSHAKES_PER_SECOND } from './limits.ts';
import type { RefusedLabel } from './metrics.ts';

/** Who may connect. Today the committee; full nodes will be admitted by another policy behind the same question. */
export type AdmitPeer = (peerId: string) => boolean;

export interface GaterOptions {
  readonly admit: AdmitPeer;
  /** IP addresses of the committee, which have a quota of their own so that strangers cannot starve them. */
  readonly knownHosts: ReadonlySet<string>;
  readonly members: number;
  readonly clock: Clock;
  readonly refused: (reason: RefusedLabel) => void;
}

/**
 * Refuses before it costs anything what exceeds the handshake budgets, and after the encryption, when the peer id is proven, whoever is not admitted.
 * Dials need no gate: they name the peer id that the encryption must prove.
 */
export function createGater(options: GaterOptions): ConnectionGater {
  const { clock, members } = options;
  const budget = (perSecond: number) => new TokenBucket(perSecond, perSecond, clock.monotonicMs());
  const strangers = budget(STRANGER_HANDSHAKES_PER_SECOND);
  const known = budget(STRANGER_HANDSHAKES_PER_SECOND + HANDSHAKES_PER_MEMBER_PER_SECOND * members);
  return {
    denyDialMultiaddr: () => false,
    denyInboundConnection: (connection) => {
      const bucket = options.knownHosts.has(getNetConfig(connection.remoteAddr).host) ? known : strangers;
      const denied = !bucket.take(1, clock.monotonicMs());
      if (denied) options.refused('RATE');
      return denied;
    },
    denyInboundEncryptedConnection: (peerId) => {
      const denied = !options.admit(peerId.toString());
      if (denied) options.refused('NOT_ADMITTED');
      return denied;
    },
  };
}
