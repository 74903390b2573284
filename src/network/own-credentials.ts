import { assertDefined } from '../util/assert.ts';
import { equalBytes } from '../util/bytes.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { Timer, Timers } from '../util/timers.ts';
import { NetworkError } from './errors.ts';
import { KEY_ENDS_SOON_MS } from './limits.ts';
import {
  type CredentialSource,
  type ImportedLinkKey,
  importLinkKey,
  issueCredentials,
  type LinkCredentials,
  type OwnLinkKey,
} from './link-credentials.ts';
import type { PeerAddress } from './options.ts';

export interface OwnCredentialsOptions extends CredentialSource {
  readonly member: PeerAddress;
  /** The leaf is issued anew at half of this, somewhat earlier at random. */
  readonly certificateLifetimeMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** What this node shows in handshakes: its link key, and a leaf certificate that is renewed long before it expires. */
export class OwnCredentials {
  readonly #options: OwnCredentialsOptions;
  #key: ImportedLinkKey | undefined;
  #current: LinkCredentials | undefined;
  #renewal: Timer | undefined;

  constructor(options: OwnCredentialsOptions) {
    this.#options = options;
  }

  get current(): LinkCredentials {
    return assertDefined(this.#current, 'a link key was given');
  }

  /**
   * Handshakes from now on show this key.
   * @throws NetworkError LINK_KEY_MISMATCH if neither the genesis names it nor its certificate
   */
  async use(linkKey: OwnLinkKey): Promise<void> {
    const { validatorId, linkKey: genesisKey } = this.#options.member;
    const key = importLinkKey(linkKey);
    const { certificate } = key;
    const expected = certificate === undefined ? genesisKey : certificate.key;
    if (!equalBytes(key.publicKey, expected) || (certificate && certificate.validatorId !== validatorId)) {
      const message = 'the link key is neither the one of the genesis nor the one that its certificate names';
      throw new NetworkError('LINK_KEY_MISMATCH', message, { validatorId });
    }
    this.#key = key;
    await this.#issue(key);
  }

  stop(): void {
    this.#key = undefined; // what is being issued sets no timer any more
    this.#renewal?.cancel();
  }

  async #issue(key: ImportedLinkKey): Promise<void> {
    const { clock, timers, random, certificateLifetimeMs, logger } = this.#options;
    const credentials = await issueCredentials(key, this.#options, clock.wallMs());
    if (this.#key !== key) return; // another key came meanwhile, or the end
    this.#current = credentials;
    const [byte = 0] = random.bytes(1);
    this.#renewal?.cancel();
    this.#renewal = timers.after((certificateLifetimeMs / 2) * (1 - byte / 2_048), () => void this.#issue(key));
    logger.info('link certificate issued', { sequence: credentials.keySequence });
    const { notAfterMs = Number.POSITIVE_INFINITY } = key.certificate ?? {};
    if (notAfterMs - clock.wallMs() < KEY_ENDS_SOON_MS)
      logger.warn('the link key is not certified for long', { notAfterMs });
  }
}
