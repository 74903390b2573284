import type { ProtocolParameters } from '../params/protocol-parameters.ts';
import type { TransactionId } from '../types/ids.ts';
import type { SignedBody } from '../types/payload.ts';
import type { Receipt, Transaction } from '../types/rest.ts';
import { decodeEnvelope, transactionId } from '../types/transaction-codec.ts';
import { Av10ApiError } from './errors.ts';
import type { ClientModules } from './options.ts';

/** The outcome of a signed transaction. There is no third one, and neither changes any more. */
export type Settled =
  | { readonly outcome: 'applied'; readonly id: TransactionId; readonly receipt: Receipt }
  /** Without any effect, for ever: `code` says why. Only now is it safe to pay with another transaction instead. */
  | { readonly outcome: 'dead'; readonly id: TransactionId; readonly code: string };

export interface SettleOptions {
  /**
   * When it was signed, by the clock of the client: it cannot have been applied much earlier. Without it, it may have been at any time within the horizon
   * before its expiry, so that validators that have forgotten that time cannot say that it is dead.
   */
  readonly signedAtMs?: number;
  /** Gives up with TIMEOUT; the transaction may still be applied until it expires. By default until then. */
  readonly timeoutMs?: number;
}

/** What a validator says of a transaction that it has no receipt of. */
export interface Unapplied {
  /** The commit up to which it has none; -1 if it has one. */
  readonly commit: number;
  /** It would have one of every transaction that was applied in a block of a later time. */
  readonly knownSinceMs: number;
}

/** What of a client it takes: `Av10Client` is one. */
export interface SettlingClient {
  readonly modules: Pick<ClientModules, 'crypto' | 'clock'>;
  submit(signed: SignedBody): Promise<unknown>;
  hold(id: TransactionId, level: 'final', heldMs: number): Promise<Transaction | undefined>;
  certifiedCheckpoint(index: 'latest'): Promise<{ readonly timeMs: number; readonly commit: number }>;
  unapplied(id: TransactionId): Promise<Unapplied>;
  network(): Promise<{ readonly parameters: Pick<ProtocolParameters, 'expiryHorizonMs'> }>;
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
/** Another transaction took its place, unless it was this one and that is forgotten. */
const OF_A_USED_PLACE: readonly string[] = ['NONCE_USED', 'KEY_ROTATED'];
/** The time of blocks is that of most validators; this much the clock of a client may be ahead of it. */
const CLOCK_ALLOWANCE_MS = 60_000;

/** Whether a validator that knows all that was applied since then would know this transaction. */
type Remembers = (knownSinceMs: unknown) => Promise<boolean>;

/**
 * Sends the same bytes, to one validator after another, until what became of them is known. Nothing is signed again, so nothing can be paid twice.
 * Dead is what an honest validator says after everything it executed (`NONCE_USED`), or what has no receipt once a quorum signed a time after the expiry;
 * and only if that validator would still know had it been applied.
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
  const remembers: Remembers = async (knownSinceMs) => {
    if (typeof knownSinceMs !== 'number') return false;
    if (knownSinceMs === 0) return true;
    // Blocks before that time refuse it: docs/spec/ledger.md.
    const earliestMs = expiryMs - (await client.network()).parameters.expiryHorizonMs;
    const signedMs = options.signedAtMs === undefined ? earliestMs : options.signedAtMs - CLOCK_ALLOWANCE_MS;
    return knownSinceMs < Math.max(earliestMs, signedMs);
  };
  for (let mayBeTaken = false; clock.monotonicMs() < deadlineMs; mayBeTaken = true) {
    const step = await attempt(client, signed, mayBeTaken, remembers);
    if (typeof step !== 'number') return step;
    if (clock.wallMs() > expiryMs && (await isExpired(client, id, expiryMs, remembers)))
      return { outcome: 'dead', id, code: 'EXPIRED' };
    await client.pause(Math.min(step, Math.max(0, deadlineMs - clock.monotonicMs())));
  }
  throw new Av10ApiError('TIMEOUT', `no outcome within ${timeoutMs} ms`, { id }, { retryable: true });
}

/** The outcome, or the milliseconds after which to try again. */
async function attempt(
  client: SettlingClient,
  signed: SignedBody,
  mayBeTaken: boolean,
  remembers: Remembers,
): Promise<Settled | number> {
  const id = transactionId(client.modules.crypto.hasher, signed.body);
  try {
    await client.submit(signed);
    const found = await client.hold(id, 'final', ATTEMPT_MS);
    const settled = found === undefined ? undefined : settledBy(found);
    // A validator that takes transactions and does not get on would be asked for ever.
    if (found !== undefined && settled === undefined) client.preferNext();
    return settled ?? RETRY_MS;
  } catch (error) {
    if (!(error instanceof Av10ApiError)) throw error;
    const saysDead = OF_A_USED_PLACE.includes(error.code);
    if (saysDead && (await remembers(error.fields.knownSinceMs))) return { outcome: 'dead', id, code: error.code };
    const isRefused = !error.retryable && !saysDead && !OF_AN_EARLIER_COPY.includes(error.code);
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
async function isExpired(
  client: SettlingClient,
  id: TransactionId,
  expiryMs: number,
  remembers: Remembers,
): Promise<boolean> {
  try {
    const { timeMs, commit } = await client.certifiedCheckpoint('latest');
    if (timeMs <= expiryMs) return false;
    const unapplied = await client.unapplied(id);
    return unapplied.commit >= commit && (await remembers(unapplied.knownSinceMs));
  } catch (error) {
    if (error instanceof Av10ApiError && error.retryable) return false;
    throw error;
  }
}
