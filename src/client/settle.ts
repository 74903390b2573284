import type { TransactionId } from '../types/ids.ts';
import type { SignedBody } from '../types/payload.ts';
import type { Receipt, Transaction } from '../types/rest.ts';
import { decodeEnvelope, transactionId } from '../types/transaction-codec.ts';
import { Av10ApiError, isApiError } from './errors.ts';
import type { ClientModules } from './options.ts';

/** The outcome of a signed transaction. There is no third one, and neither changes any more. */
export type Settled =
  | { readonly outcome: 'applied'; readonly id: TransactionId; readonly receipt: Receipt }
  /** Without any effect, for ever: `code` says why. Only now is it safe to pay with another transaction instead. */
  | { readonly outcome: 'dead'; readonly id: TransactionId; readonly code: string };

export interface SettleOptions {
  /** Gives up with TIMEOUT; the transaction may still be applied until it expires. By default until then. */
  readonly timeoutMs?: number;
}

/** What of a client it takes: `Av10Client` is one. */
export interface SettlingClient {
  readonly modules: Pick<ClientModules, 'crypto' | 'clock'>;
  submit(signed: SignedBody): Promise<unknown>;
  hold(id: TransactionId, level: 'final', heldMs: number): Promise<Transaction | undefined>;
  certifiedCheckpoint(index: 'latest'): Promise<{ readonly timeMs: number; readonly commit: number }>;
  unappliedThrough(id: TransactionId): Promise<number>;
  preferNext(): void;
  pause(delayMs: number): Promise<void>;
}

/** One wait at one validator, before the same bytes go to the next one. */
const ATTEMPT_MS = 5_000;
const RETRY_MS = 250;
const MAX_RETRY_MS = 5_000;
/** Certificates come every few seconds: so long after the expiry a network that lives has one. */
const EXPIRY_GRACE_MS = 120_000;
/** Refusals after which the network may still know of an earlier copy that was taken. */
const OF_AN_EARLIER_COPY: readonly string[] = ['EXPIRED'];

/**
 * Sends the same bytes, to one validator after another, until what became of them is known. Nothing is signed again, so nothing can be paid twice.
 * Dead is what an honest validator says after everything it executed (`NONCE_USED`), or what has no receipt once a quorum signed a time after the expiry.
 * @throws Av10ApiError TIMEOUT; and the refusal of what no validator can have taken
 */
export async function settle(
  client: SettlingClient,
  signed: SignedBody,
  options: SettleOptions = {},
): Promise<Settled> {
  const { crypto, clock } = client.modules;
  const id = transactionId(crypto.hasher, signed.body);
  const { expiryMs } = decodeEnvelope(signed.body);
  const timeoutMs = options.timeoutMs ?? Math.max(0, expiryMs - clock.wallMs()) + EXPIRY_GRACE_MS;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (let mayBeTaken = false; clock.monotonicMs() < deadlineMs; mayBeTaken = true) {
    const step = await attempt(client, signed, mayBeTaken);
    if (typeof step !== 'number') return step;
    if (clock.wallMs() > expiryMs && (await isExpired(client, id, expiryMs)))
      return { outcome: 'dead', id, code: 'EXPIRED' };
    await client.pause(Math.min(step, Math.max(0, deadlineMs - clock.monotonicMs())));
  }
  throw new Av10ApiError('TIMEOUT', `no outcome within ${timeoutMs} ms`, { id }, { retryable: true });
}

/** The outcome, or the milliseconds after which to try again. */
async function attempt(client: SettlingClient, signed: SignedBody, mayBeTaken: boolean): Promise<Settled | number> {
  const id = transactionId(client.modules.crypto.hasher, signed.body);
  try {
    await client.submit(signed);
    const found = await client.hold(id, 'final', ATTEMPT_MS);
    const settled = found === undefined ? undefined : settledBy(found);
    // A validator that takes transactions and does not get on would be asked for ever.
    if (found !== undefined && settled === undefined) client.preferNext();
    return settled ?? RETRY_MS;
  } catch (error) {
    if (isApiError(error, 'NONCE_USED', 'KEY_ROTATED')) return { outcome: 'dead', id, code: error.code };
    if (!(error instanceof Av10ApiError)) throw error;
    const isRefused = !error.retryable && !OF_AN_EARLIER_COPY.includes(error.code);
    if (isRefused && !mayBeTaken && error.fields.unanswered === undefined) throw error;
    client.preferNext();
    return Math.min(error.retryAfterMs ?? RETRY_MS, MAX_RETRY_MS);
  }
}

function settledBy({ id, receipt, dropped }: Transaction): Settled | undefined {
  const txId = id as TransactionId;
  if (receipt !== undefined) return { outcome: 'applied', id: txId, receipt };
  if (dropped === undefined || dropped.retryable) return undefined;
  return { outcome: 'dead', id: txId, code: dropped.code };
}

/** A quorum signed a later time, and a validator that is as far knows no receipt. */
async function isExpired(client: SettlingClient, id: TransactionId, expiryMs: number): Promise<boolean> {
  try {
    const { timeMs, commit } = await client.certifiedCheckpoint('latest');
    if (timeMs <= expiryMs) return false;
    return (await client.unappliedThrough(id)) >= commit;
  } catch (error) {
    if (error instanceof Av10ApiError && error.retryable) return false;
    throw error;
  }
}
