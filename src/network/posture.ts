/** What protects a link, as negotiated and never as configured. */
export interface LinkPosture {
  /** The negotiated connection encrypter. */
  readonly encryption: string;
  readonly keyExchange: string;
  /** NIST post-quantum category of the weakest part, 0 where it is classical. */
  readonly category: number;
  /** Wall clock at which the link came up, in ms. */
  readonly sinceMs: number;
}

/** Noise_XX_25519_ChaChaPoly_SHA256 is all that libp2p's noise speaks. */
const KEY_EXCHANGES: ReadonlyMap<string, Pick<LinkPosture, 'keyExchange' | 'category'>> = new Map([
  ['/noise', { keyExchange: 'X25519', category: 0 }],
]);

export function linkPosture(encryption: string | undefined, sinceMs: number): LinkPosture {
  const known = KEY_EXCHANGES.get(encryption ?? '') ?? { keyExchange: 'none', category: 0 };
  return { encryption: encryption ?? 'none', ...known, sinceMs };
}
