import type { Connection } from '@libp2p/interface';

/**
 * Ends a connection at once. libp2p's own `abort` throws where a listener of one of its streams ended the connection first: yamux then sends its
 * farewell on a closed stream. The connection is closed in that case too.
 */
export function abortConnection(connection: Connection | undefined, reason: string): void {
  try {
    connection?.abort(new Error(reason));
  } catch (error) {
    if (connection?.status === 'open') throw error;
  }
}
