import { loadAddon } from '../../src/addon/load-addon.ts';
import type { FundedAccount } from '../../src/cli/genesis-writer.ts';
import { signatureContext } from '../../src/crypto/domains.ts';
import type { Hasher } from '../../src/crypto/hasher.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { SEED_BYTES } from '../../src/crypto/signer.ts';
import { SYSTEM_RANDOM } from '../../src/node/system.ts';
import type { Address } from '../../src/types/ids.ts';
import { PUBLIC_KEY_BYTES } from '../../src/types/limits.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import { accountAddress, encodeTransactionBody } from '../../src/types/transaction-codec.ts';
import { fromHex } from '../../src/util/bytes.ts';
import { Prng } from '../../src/util/prng.ts';

/** Above what a sender can spend in an hour; 100,000 senders stay below 2^64. */
const SENDER_BALANCE = 100_000_000_000_000n;
/** Amounts of two bytes: with the handles of 100,000 accounts a transfer has 5 bytes. */
const MAX_AMOUNT = 60_000;
/** The longest benchmark, and a stream signed before it. */
const VALID_MS = 12 * 60 * 60 * 1_000;
const PRNG_SEED = 0xa510;

type SigningKey = ReturnType<ReturnType<typeof loadAddon>['mlDsaKeyFromSeed']>;

/** The accounts that send: keys from the seeds 0, 1, 2..., handles in the same order. */
export class Senders {
  readonly count: number;
  readonly #accounts: number;
  readonly #batch: number;
  readonly #addon = loadAddon();
  readonly #hasher: Hasher = nativeBackend().hasher;
  readonly #keys: readonly SigningKey[];
  readonly #addresses: readonly Address[];
  readonly #prng = new Prng(PRNG_SEED);

  constructor({
    senders,
    accounts,
    batch,
  }: { readonly senders: number; readonly accounts: number; readonly batch: number }) {
    this.count = senders;
    this.#accounts = accounts;
    this.#batch = batch;
    this.#keys = Array.from({ length: senders }, (_, handle) => this.#addon.mlDsaKeyFromSeed(seedOf(handle)));
    this.#addresses = this.#keys.map((key) => accountAddress(this.#hasher, this.#addon.mlDsaPublicKey(key)));
  }

  /** Rows of `accounts.bin`. Accounts that only receive have random bytes for a key: nothing ever verifies under it. */
  *genesisAccounts(): Generator<FundedAccount> {
    for (const key of this.#keys) yield { publicKey: this.#addon.mlDsaPublicKey(key), balance: SENDER_BALANCE };
    for (let handle = this.count; handle < this.#accounts; handle++) {
      yield { publicKey: SYSTEM_RANDOM.bytes(PUBLIC_KEY_BYTES), balance: 0n };
    }
  }

  /** A batch of transfers to random accounts, signed on the thread pool. */
  async sign(networkId: string, sender: number, nonce: number): Promise<SignedBody> {
    const recipients = new Uint32Array(this.#batch);
    const amounts = new BigUint64Array(this.#batch);
    for (let i = 0; i < this.#batch; i++) {
      recipients[i] = this.#prng.below(this.#accounts);
      amounts[i] = BigInt(1 + this.#prng.below(MAX_AMOUNT));
    }
    const body = encodeTransactionBody({
      kind: 'transfer-batch',
      ...{ sender: this.#addresses[sender] as Address, keyVersion: 0, nonce, expiryMs: Date.now() + VALID_MS, fee: 0n },
      ...{ asset: 0, atomic: true, recipients, amounts },
    });
    const key = this.#keys[sender] as SigningKey;
    const context = signatureContext('tx', fromHex(networkId));
    return { body, signature: await this.#addon.mlDsaSign(key, context, body) };
  }
}

function seedOf(handle: number): Uint8Array {
  const seed = new Uint8Array(SEED_BYTES);
  new DataView(seed.buffer).setUint32(0, handle, true);
  return seed;
}
