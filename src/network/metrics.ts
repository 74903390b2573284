import type { Instruments } from '../util/instruments.ts';
import type { LinkDownReason } from './errors.ts';
import type { LinkRefusalCode } from './link-refusal.ts';

/** What the network room counts. */
export type NetworkMetrics = ReturnType<typeof networkMetrics>;

export function networkMetrics(instruments: Instruments) {
  const links = instruments.gauge({ name: 'av10_network_links', help: 'Validator links that are up.' });
  const linksEnded = instruments.counter<'reason'>({
    name: 'av10_network_links_ended_total',
    help: 'Links that ended, by reason; BY_REPLICA where the protocol asked for it.',
    labels: ['reason'],
  });
  let linksUp = 0;
  return {
    linkUp: () => {
      linksUp += 1;
      links.set(linksUp);
    },
    linkDown: (reason: LinkEndedLabel) => {
      linksUp -= 1;
      links.set(linksUp);
      linksEnded.add(1, { reason });
    },
    framesSent: instruments.counter<'channel'>({
      name: 'av10_network_frames_sent_total',
      help: 'Frames queued for peers.',
      labels: ['channel'],
    }),
    framesDropped: instruments.counter<'channel'>({
      name: 'av10_network_frames_dropped_total',
      help: "Frames dropped because a peer's queue was full.",
      labels: ['channel'],
    }),
    framesReceived: instruments.counter<'channel'>({
      name: 'av10_network_frames_received_total',
      help: 'Frames received from peers.',
      labels: ['channel'],
    }),
    bytesSent: instruments.counter({
      name: 'av10_network_bytes_sent_total',
      help: 'Bytes written to validator links.',
    }),
    bytesReceived: instruments.counter({
      name: 'av10_network_bytes_received_total',
      help: 'Bytes of frames received on validator links.',
    }),
    writes: instruments.counter({
      name: 'av10_network_writes_total',
      help: 'Writes to validator links; each gathers waiting frames.',
    }),
    refused: instruments.counter<'reason'>({
      name: 'av10_network_connections_refused_total',
      help: 'Inbound connections refused, by reason.',
      labels: ['reason'],
    }),
    handshakesRefused: instruments.counter<'code'>({
      name: 'av10_network_handshakes_refused_total',
      help: 'Handshakes of validator links that were refused, dialled or accepted, by code.',
      labels: ['code'],
    }),
    linksRenewed: instruments.counter({
      name: 'av10_network_links_renewed_total',
      help: 'Links that a newer one with fresh keys has replaced in time.',
    }),
  };
}

/** Label values, so that the set stays closed. */
export type LinkEndedLabel = LinkDownReason | 'BY_REPLICA';
export type RefusedLabel = 'RATE' | 'NOT_ADMITTED' | 'UNPROTECTED' | 'INCOMPLETE' | 'DUPLICATE';
export type { LinkRefusalCode };
