import type { Hasher } from '../crypto/hasher.ts';
import type { TransactionId, WireKey } from '../types/ids.ts';
import { SIGNATURE_BYTES } from '../types/limits.ts';
import type { SignedBody } from '../types/payload.ts';
import type { Transaction } from '../types/transaction.ts';
import { decodeTransactionBody, transactionId, wireKey } from '../types/transaction-codec.ts';
import { DecodeError } from '../util/byte-reader.ts';
import type { Clock } from '../util/clock.ts';
import type { Instruments } from '../util/instruments.ts';
import type { AccountView } from './account-view.ts';
import { type AdmissionParameters, keyObjection, objection } from './admission-rules.ts';
import { AdmissionError } from './errors.ts';
import type { Mempool } from './mempool.ts';
import { admissionMetrics } from './metrics.ts';
import { type AdmissionOptions, BUSY_RETRY_MS } from './options.ts';
import type { SignatureGate } from './signature-gate.ts';
import { UNCHECKED, VALID } from './signature-verifier.ts';
import { SourceBudgets } from './source-budgets.ts';

export type AdmissionOutcome = { readonly id: TransactionId } & (
  | { readonly status: 'accepted'; readonly displaced: readonly TransactionId[] }
  | { readonly status: 'known' }
  | { readonly status: 'refused'; readonly error: AdmissionError }
);

export interface AdmissionModules {
  readonly hasher: Hasher;
  readonly accounts: AccountView;
  readonly mempool: Mempool;
  readonly signatures: SignatureGate;
  readonly clock: Clock;
  readonly instruments: Instruments;
}

interface Submission extends SignedBody {
  readonly id: TransactionId;
  readonly wireKey: WireKey;
}

interface Verified {
  readonly status: 'verified';
  readonly submission: Submission;
  readonly transaction: Transaction;
}

/**
 * Takes transactions from clients through the checks of docs/spec/mempool.md, cheapest first and the signature last. Until the signature is
 * verified only the source pays, and whatever is remembered is remembered by wire key: garbage beside a victim's body hinders nobody.
 */
export class Admission {
  readonly #parameters: AdmissionParameters;
  readonly #modules: AdmissionModules;
  readonly #metrics: ReturnType<typeof admissionMetrics>;
  readonly #budgets: SourceBudgets;

  constructor(options: AdmissionOptions, parameters: AdmissionParameters, modules: AdmissionModules) {
    this.#parameters = parameters;
    this.#modules = modules;
    this.#metrics = admissionMetrics(modules.instruments);
    const { sourceVerificationsPerSecond: perSecond, sourceBurst: burst, maxSources, trustedSources } = options;
    this.#budgets = new SourceBudgets({ perSecond, burst, maxSources, trusted: trustedSources });
  }

  /**
   * One outcome an item, in their order; never rejects for what an item holds. `source` names who submits: a token, or `addressSource`.
   * Items are added in their order and at once, so that a sender's nonces in one call never look like gaps.
   */
  async submit(items: readonly SignedBody[], source: string): Promise<AdmissionOutcome[]> {
    const checked = await Promise.all(items.map((item) => this.#check(item, source)));
    const outcomes = checked.map((result) => (result.status === 'verified' ? this.#add(result) : result));
    this.#report(outcomes);
    return outcomes;
  }

  async #check(item: SignedBody, source: string): Promise<Verified | AdmissionOutcome> {
    const { hasher, mempool } = this.#modules;
    const id = transactionId(hasher, item.body);
    const submission = { ...item, id, wireKey: wireKey(hasher, id, item.signature) };
    try {
      const transaction = this.#decode(item);
      if (mempool.holds(id, submission.wireKey)) return { id, status: 'known' };
      await this.#verify(submission, transaction, source);
      return { status: 'verified', submission, transaction };
    } catch (error) {
      if (error instanceof AdmissionError) return { id, status: 'refused', error };
      throw error;
    }
  }

  #decode({ body, signature }: SignedBody): Transaction {
    const bytes = body.length + signature.length;
    const limit = this.#parameters.maxTransactionBytes;
    if (bytes > limit)
      throw new AdmissionError('TOO_LARGE', `a transaction has at most ${limit} bytes`, { bytes, limit });
    if (signature.length !== SIGNATURE_BYTES) {
      const fields = { field: 'signature', bytes: signature.length };
      throw new AdmissionError('NON_CANONICAL', `a signature has ${SIGNATURE_BYTES} bytes`, fields);
    }
    try {
      return decodeTransactionBody(body);
    } catch (error) {
      if (error instanceof DecodeError) throw new AdmissionError(error.code, 'the body is not canonical', error.fields);
      throw error;
    }
  }

  /** The checks from the sender to the signature. Nothing of the state that they read is used after the signature was awaited. */
  async #verify(submission: Submission, transaction: Transaction, source: string): Promise<void> {
    const { accounts, clock, signatures } = this.#modules;
    const { body, signature, wireKey: key } = submission;
    if (signatures.isBad(key)) throw badSignature();
    const account = accounts.sender(transaction.sender);
    const found = objection(transaction, body.length + signature.length, account, this.#parameters, clock.wallMs());
    if (found !== undefined) throw found;
    if (!signatures.isUnderWay(key)) this.#pay(submission, source);
    const verdict = await signatures.verdict(key, { body, signature });
    if (verdict === UNCHECKED) throw busy('verifier', BUSY_RETRY_MS);
    if (verdict !== VALID) throw badSignature();
  }

  #pay(item: SignedBody, source: string): void {
    const { clock, signatures } = this.#modules;
    const waitMs = this.#budgets.take(source, clock.monotonicMs());
    if (waitMs > 0) throw busy('source budget', waitMs);
    if (!signatures.hasRoom(item)) throw busy('verify queue', BUSY_RETRY_MS);
  }

  #add({ submission, transaction }: Verified): AdmissionOutcome {
    const { accounts, mempool } = this.#modules;
    const { sender, keyVersion, nonce, fee, expiryMs } = transaction;
    const { id, wireKey: key, body, signature } = submission;
    const rotated = keyObjection(keyVersion, accounts.sender(sender)?.keyVersion ?? keyVersion);
    if (rotated !== undefined) return { id, status: 'refused', error: rotated };
    const outcome = mempool.add({ id, wireKey: key, body, signature, sender, nonce, fee, expiryMs });
    if (outcome.kind === 'refused') return { id, status: 'refused', error: outcome.error };
    return outcome.kind === 'known'
      ? { id, status: 'known' }
      : { id, status: 'accepted', displaced: outcome.displaced };
  }

  #report(outcomes: readonly AdmissionOutcome[]): void {
    const { signatures } = this.#modules;
    for (const outcome of outcomes) {
      this.#metrics.outcomes.add(1, {
        outcome: outcome.status === 'refused' ? outcome.error.code : outcome.status.toUpperCase(),
      });
    }
    this.#metrics.queuedItems.set(signatures.items);
    this.#metrics.queuedBytes.set(signatures.bytes);
    this.#metrics.sources.set(this.#budgets.size);
  }
}

/** The network is part of what is signed but not of the body, so that a signature for another network looks like any bad one. */
function badSignature(): AdmissionError {
  return new AdmissionError(
    'BAD_SIGNATURE',
    "the signature does not verify under the sender's key, or was made for another network",
  );
}

function busy(what: 'source budget' | 'verify queue' | 'verifier', retryAfterMs: number): AdmissionError {
  return new AdmissionError('BUSY', `try again in ${retryAfterMs} ms: ${what}`, { what, retryAfterMs }, retryAfterMs);
}
