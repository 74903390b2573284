import { signatureContext } from '../crypto/domains.ts';
import type { Signer } from '../crypto/signer.ts';
import type { ProtocolParameters } from '../params/protocol-parameters.ts';
import type { Address } from '../types/ids.ts';
import { SIGNATURE_BYTES } from '../types/limits.ts';
import type { SignedBody } from '../types/payload.ts';
import { type AccountHandle, type Transaction, transferCount } from '../types/transaction.ts';
import { accountAddress, encodeTransactionBody } from '../types/transaction-codec.ts';
import type { Av10Client, SubmitResult } from './client.ts';
import { Av10ApiError, isApiError } from './errors.ts';
import type { Settled, SettleOptions } from './settle.ts';

/** A transaction without what the wallet adds: sender, key version, nonce, expiry and, unless given, the fee. */
export type Payload = Transaction extends infer Kind
  ? Kind extends Transaction
    ? Omit<Kind, 'sender' | 'keyVersion' | 'nonce' | 'expiryMs' | 'fee'> & { readonly fee?: bigint }
    : never
  : never;

export interface Transfer {
  /** An address is resolved to its handle, with proof where there is one. */
  readonly to: Address | AccountHandle;
  readonly amount: bigint;
}

export interface TransferOptions {
  readonly asset?: number;
  /** All or nothing (the default); otherwise each transfer stands for itself and the receipt says which were made. */
  readonly atomic?: boolean;
  readonly fee?: bigint;
}

export interface WalletOptions {
  /** The account's address; by default that of the signer's key, which is wrong once the key was rotated. */
  readonly address?: Address;
  /** How long a transaction stays valid. */
  readonly validForMs?: number;
}

interface Position {
  readonly keyVersion: number;
  readonly nonce: number;
}

const DEFAULT_VALID_FOR_MS = 10 * 60_000;
/** As many nonces as a validator lets wait for one sender, all of them perhaps sent by another copy of this wallet. */
const MAX_RENUMBERINGS = 64;

/**
 * Signs and numbers the transactions of one account. Sending is one after the other, so that nonces keep their order.
 *
 * @example
 * const wallet = new Wallet(client, signer);
 * const { id } = await wallet.transfer([{ to: address, amount: 2_500_000n }]);
 * await client.waitFinal(id);
 */
export class Wallet {
  readonly address: Address;
  readonly #client: Av10Client;
  readonly #signer: Signer;
  readonly #validForMs: number;
  #next: Position | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: Av10Client, signer: Signer, options: WalletOptions = {}) {
    this.#client = client;
    this.#signer = signer;
    this.address = options.address ?? accountAddress(client.modules.crypto.hasher, signer.publicKey);
    this.#validForMs = options.validForMs ?? DEFAULT_VALID_FOR_MS;
  }

  /** 1 to 8,192 transfers under one signature. */
  async transfer(transfers: readonly Transfer[], options: TransferOptions = {}): Promise<SubmitResult> {
    const { asset = 0, atomic = true, fee } = options;
    const handles: AccountHandle[] = [];
    for (const { to } of transfers) handles.push(await this.handleOf(to));
    const recipients = Uint32Array.from(handles);
    const amounts = BigUint64Array.from(transfers, ({ amount }) => amount);
    return this.send({
      kind: 'transfer-batch',
      asset,
      atomic,
      recipients,
      amounts,
      ...(fee === undefined ? {} : { fee }),
    });
  }

  /** Opens an account for the holder of `publicKey`; its handle is the `detail` of the receipt. */
  openAccount(publicKey: Uint8Array): Promise<SubmitResult> {
    return this.send({ kind: 'open-account', publicKey });
  }

  /** Puts up to 1,024 bytes under the results root. */
  anchor(data: Uint8Array): Promise<SubmitResult> {
    return this.send({ kind: 'data-anchor', data });
  }

  /**
   * Numbers, signs and submits. A nonce that turns out to be used or taken is replaced by the next free one.
   * @throws Av10ApiError
   */
  send(payload: Payload): Promise<SubmitResult> {
    const sent = this.#last.then(() => this.#sendNext(payload));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  /** Numbers and signs without sending; the nonce counts as used from here on. For batches through `submitMany`. */
  sign(payload: Payload): Promise<SignedBody> {
    const signed = this.#last.then(async () => {
      const position = await this.#position();
      this.#next = { ...position, nonce: position.nonce + 1 };
      return this.#signAt(payload, position);
    });
    this.#last = signed.catch(() => undefined);
    return signed;
  }

  /**
   * Numbers and signs once, and sends until the outcome is known: {@link Av10Client.settle}. Only a transaction that is surely without effect,
   * because its number went to another one, is signed again with the next number; so the payload has its effect once at most.
   * @throws Av10ApiError DEAD when it expired; TIMEOUT; the refusal of what no validator can have taken
   */
  async settle(payload: Payload, options: SettleOptions = {}): Promise<Extract<Settled, { outcome: 'applied' }>> {
    for (let renumberings = 0; ; renumberings++) {
      try {
        const signedAtMs = this.#client.modules.clock.wallMs();
        const settled = await this.#client.settle(await this.sign(payload), { signedAtMs, ...options });
        if (settled.outcome === 'applied') return settled;
        this.resync();
        if (settled.code === 'EXPIRED' || renumberings === MAX_RENUMBERINGS) {
          const fields = { id: settled.id, reason: settled.code };
          throw new Av10ApiError('DEAD', `without effect, for ever: ${settled.code}`, fields);
        }
      } catch (error) {
        this.resync();
        throw error;
      }
    }
  }

  /** The handle that transfers name. @throws Av10ApiError as {@link Av10Client.handleOf} */
  async handleOf(to: Address | AccountHandle): Promise<AccountHandle> {
    return typeof to === 'number' ? to : this.#client.handleOf(to);
  }

  /** Forgets the own count; the next transaction asks the network for its number. After a transaction was dropped. */
  resync(): void {
    this.#next = undefined;
  }

  async #sendNext(payload: Payload): Promise<SubmitResult> {
    for (let renumberings = 0; ; renumberings++) {
      const position = await this.#position();
      try {
        const result = await this.#client.submit(await this.#signAt(payload, position));
        this.#next = { ...position, nonce: position.nonce + 1 };
        return result;
      } catch (error) {
        this.#next = isApiError(error, 'SLOT_TAKEN') ? { ...position, nonce: position.nonce + 1 } : undefined;
        // A validator that did not answer may have taken it: another number could then pay twice. `settle` finds out.
        const isNumber =
          isApiError(error, 'SLOT_TAKEN', 'NONCE_USED', 'NONCE_TOO_FAR') && error.fields.unanswered === undefined;
        if (!isNumber || renumberings === MAX_RENUMBERINGS) throw error;
        const { nonce } = await this.#position();
        if (nonce === position.nonce) throw error;
      }
    }
  }

  async #position(): Promise<Position> {
    if (this.#next !== undefined) return this.#next;
    const { keyVersion, nextNonce } = await this.#client.account(this.address);
    this.#next = { keyVersion, nonce: nextNonce };
    return this.#next;
  }

  async #signAt(payload: Payload, { keyVersion, nonce }: Position): Promise<SignedBody> {
    const { networkId, parameters } = await this.#client.network();
    const expiryMs =
      Math.floor(this.#client.modules.clock.wallMs()) + Math.min(this.#validForMs, parameters.expiryHorizonMs);
    const unpaid = { fee: 0n, ...payload, sender: this.address, keyVersion, nonce, expiryMs } as Transaction;
    const transaction = payload.fee === undefined ? { ...unpaid, fee: lowestFee(parameters, unpaid) } : unpaid;
    const body = encodeTransactionBody(transaction);
    const context = signatureContext('tx', Uint8Array.fromHex(networkId));
    return { body, signature: await this.#signer.sign(context, body) };
  }
}

/** docs/spec/ledger.md: base + per transfer + per byte of body and signature, whose length does not depend on the fee. */
function lowestFee(parameters: ProtocolParameters, transaction: Transaction): bigint {
  const { feeBase, feePerTransfer, feePerByte } = parameters;
  const bytes = encodeTransactionBody(transaction).length + SIGNATURE_BYTES;
  return feeBase + feePerTransfer * BigInt(transferCount(transaction)) + feePerByte * BigInt(bytes);
}
