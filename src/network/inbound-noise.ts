import { noise } from '@chainsafe/libp2p-noise';
import type { ConnectionEncrypter } from '@libp2p/interface';
import { NetworkError } from './errors.ts';

/**
 * Noise for those who connect and are no validators. A node dials validators only, so it never falls back to noise when something on the way
 * refuses TLS in a peer's name.
 */
export function inboundNoise(components: NoiseComponents): ConnectionEncrypter {
  const encrypter = noise()(components);
  return {
    protocol: encrypter.protocol,
    secureInbound: (connection, init) => encrypter.secureInbound(connection, init),
    secureOutbound: async () => {
      throw new NetworkError('LINK_UNPROTECTED', 'a validator offers no TLS, or something on the way hides it', {});
    },
  };
}

type NoiseComponents = Parameters<ReturnType<typeof noise>>[0];
