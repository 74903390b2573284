import type { ConnectionGater } from '@libp2p/interface';
import { getNetConfig } from '@libp2p/utils';
import type { Clock } from '../util/clock.ts';
import { HandshakeBudget } from './handshake-budget.ts';
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
 * Refuses before it costs anything what exceeds the handshake budgets, and after noise, when the peer id is proven, whoever is not admitted.
 * Dials need no gate: they name the peer id that noise must prove.
 */
export function createGater(options: GaterOptions): ConnectionGater {
  const strangers = new HandshakeBudget(STRANGER_HANDSHAKES_PER_SECOND, options.clock);
  const known = new HandshakeBudget(
    STRANGER_HANDSHAKES_PER_SECOND + HANDSHAKES_PER_MEMBER_PER_SECOND * options.members,
    options.clock,
  );
  return {
    denyDialMultiaddr: () => false,
    denyInboundConnection: (connection) => {
      const budget = options.knownHosts.has(getNetConfig(connection.remoteAddr).host) ? known : strangers;
      const denied = !budget.take();
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
