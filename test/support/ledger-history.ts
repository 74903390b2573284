import type { Hasher } from '../../src/crypto/hasher.ts';
import type { LedgerGenesis } from '../../src/execution/genesis.ts';
import type { ExecutableBlock, ExecutableCommit, Ledger } from '../../src/execution/ledger.ts';
import { simulatedSignature } from '../../src/execution/simulated-signature.ts';
import type { Simulation } from '../../src/execution/simulation.ts';
import type { AccountState } from '../../src/types/account-proof.ts';
import { type BlockRef, compareRefs } from '../../src/types/block.ts';
import {
  type Address,
  type BlockId,
  type CommitDigest,
  id,
  type NetworkId,
  type ParamsHash,
} from '../../src/types/ids.ts';
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../src/types/limits.ts';
import { encodePayload, type SignedBody } from '../../src/types/payload.ts';
import type { Transaction, TransferBatch } from '../../src/types/transaction.ts';
import { accountAddress, encodeTransactionBody } from '../../src/types/transaction-codec.ts';
import { ByteWriter } from '../../src/util/byte-writer.ts';
import type { Prng } from '../../src/util/prng.ts';

const MEMBERS = 4;
const GENESIS_ACCOUNTS = 40;
const FROZEN = 3;
const GC_DEPTH = 6;
const POISON = Uint8Array.of(0xde, 0xad);
const START_MS = 1_000_000;

/** Small constants, so that a short history meets every rule. */
export const PARAMETERS: LedgerGenesis['parameters'] = {
  maxOpensPerCommit: 2,
  checkpointSpacingMs: 1_000,
  checkpointIdleSpacingMs: 3_000,
  expiryHorizonMs: 20_000,
  registryHistoryCommits: 6,
  feeBase: 3n,
  feePerTransfer: 1n,
  feePerByte: 0n,
  openDeposit: 50n,
};

export const SIMULATION: Simulation = { poison: POISON, accountLimit: GENESIS_ACCOUNTS + 8, frozen: [FROZEN] };

type Envelope = Pick<Transaction, 'sender' | 'keyVersion' | 'nonce' | 'expiryMs' | 'fee'>;

/** Commits in which everything that can happen to a transaction does, drawn from a seed. */
export class LedgerHistory {
  readonly genesis: LedgerGenesis;
  readonly accountsBin: Uint8Array;
  readonly #hasher: Hasher;
  readonly #prng: Prng;
  /** Public keys of each account by version; the last one may not be executed yet. */
  readonly #keys = new Map<Address, Uint8Array[]>();
  /** Nonces handed out in the commit being made. */
  #nonces = new Map<Address, number>();
  /** Transactions to come again. */
  #seen: SignedBody[] = [];
  #index = 0;
  #timeMs = START_MS;
  #round = 0;

  constructor(hasher: Hasher, prng: Prng) {
    this.#hasher = hasher;
    this.#prng = prng;
    this.genesis = {
      networkId: id<NetworkId>(prng.bytes(32)),
      timeMs: START_MS,
      accountCount: GENESIS_ACCOUNTS,
      members: MEMBERS,
      committeeDigest: prng.bytes(32),
      paramsHash: id<ParamsHash>(prng.bytes(32)),
      parameters: PARAMETERS,
      issued: [
        { handle: 1, amount: 1_000_000n },
        { handle: 2, amount: 2n ** 64n - 1n },
      ],
    };
    const accounts = new ByteWriter(GENESIS_ACCOUNTS * (PUBLIC_KEY_BYTES + 8));
    for (let handle = 0; handle < GENESIS_ACCOUNTS; handle++) {
      accounts.bytes(this.#newKey()).u64(BigInt(handle === 0 ? 40 : 100_000 + prng.below(1_000)));
    }
    this.accountsBin = accounts.finish();
  }

  /** The next commit; `ledger` says where the accounts stand. */
  next(ledger: Ledger): ExecutableCommit {
    const prng = this.#prng;
    this.#index += 1;
    // In steps, so that the spacing of checkpoints is often met exactly.
    this.#timeMs += prng.chance(0.05) ? 4_000 : 250 * prng.below(3);
    this.#nonces = new Map();
    const blocks: ExecutableBlock[] = [];
    const refs = this.#refs();
    const idle = prng.chance(0.15);
    for (const ref of refs) {
      const txs = idle || prng.chance(0.4) ? [] : this.#transactions(ledger);
      if (txs.length === 0) continue;
      const executedCommit = this.#executedCommit();
      blocks.push({ ref, executedCommit, payload: encodePayload(txs), txCount: txs.length });
    }
    return {
      index: this.#index,
      digest: id<CommitDigest>(prng.bytes(32)),
      timeMs: this.#timeMs,
      epoch: 1,
      leader: refs.at(-1) as BlockRef,
      gcRound: Math.max(0, this.#round - GC_DEPTH),
      refs,
      blocks,
    };
  }

  #refs(): BlockRef[] {
    const refs: BlockRef[] = [];
    const first = this.#round + 1;
    this.#round += 1 + this.#prng.below(2);
    for (let round = first; round <= this.#round; round++) {
      for (let author = 0; author < MEMBERS; author++) {
        const copies = this.#prng.chance(0.05) ? 2 : 1;
        for (let i = 0; i < copies; i++) refs.push({ round, author, id: id<BlockId>(this.#prng.bytes(32)) });
      }
    }
    return refs.sort(compareRefs);
  }

  /** Mostly the newest; sometimes old, sometimes out of the window on either side. */
  #executedCommit(): number {
    const prng = this.#prng;
    if (prng.chance(0.03)) return this.#index;
    const back = prng.chance(0.7) ? 1 : 1 + prng.below(PARAMETERS.registryHistoryCommits + 1);
    return Math.max(0, this.#index - back);
  }

  #transactions(ledger: Ledger): SignedBody[] {
    return Array.from({ length: 1 + this.#prng.below(8) }, () => {
      if (this.#seen.length > 0 && this.#prng.chance(0.1)) return this.#prng.pick(this.#seen);
      const signed = this.#transaction(ledger);
      this.#seen = [...this.#seen.slice(-30), signed];
      return signed;
    });
  }

  #transaction(ledger: Ledger): SignedBody {
    const prng = this.#prng;
    const account = this.#anyAccount(ledger);
    const tx = this.#varied(account, this.#content(ledger, account, this.#envelope(account)));
    const body = encodeTransactionBody(tx);
    if (prng.chance(0.03))
      return { body: body.subarray(0, prng.below(body.length)), signature: prng.bytes(SIGNATURE_BYTES) };
    const keys = this.#keys.get(tx.sender) ?? [];
    const key = keys[tx.keyVersion] ?? keys[0] ?? new Uint8Array(PUBLIC_KEY_BYTES);
    const signature = simulatedSignature(this.#hasher, key, body);
    if (prng.chance(0.04)) signature[prng.below(SIGNATURE_BYTES)] = 0x5a;
    return { body, signature };
  }

  #anyAccount(ledger: Ledger): AccountState {
    for (;;) {
      const handle = this.#prng.below(GENESIS_ACCOUNTS + 8);
      const account = ledger.accountByHandle(handle);
      // The frozen account and the poor one have few transactions, or nothing else would be met.
      if (account !== undefined && (handle !== FROZEN || this.#prng.chance(0.3))) return account;
    }
  }

  #envelope(account: AccountState): Envelope {
    const nonce = this.#nonces.get(account.address) ?? account.nonce;
    this.#nonces.set(account.address, nonce + 1);
    const fee = BigInt(20 + this.#prng.below(10));
    const expiryMs = this.#timeMs + (this.#prng.chance(0.1) ? 0 : this.#prng.below(5_000));
    return { sender: account.address, keyVersion: account.keyVersion, nonce, expiryMs, fee };
  }

  #content(ledger: Ledger, account: AccountState, envelope: Envelope): Transaction {
    const prng = this.#prng;
    const choice = prng.below(100);
    if (choice < 60) return this.#batch(account, envelope);
    if (choice < 72) return { ...envelope, kind: 'open-account', publicKey: this.#openedKey(ledger) };
    if (choice < 82) return { ...envelope, kind: 'rotate-key', publicKey: this.#rotatedKey(account.address) };
    if (choice < 88)
      return { ...envelope, kind: 'validator-change', validatorId: prng.bytes(32), power: prng.below(9) };
    const data = prng.chance(0.3) ? POISON : prng.bytes(1 + prng.below(40));
    return { ...envelope, kind: 'data-anchor', data };
  }

  #batch(account: AccountState, envelope: Envelope): TransferBatch {
    const prng = this.#prng;
    const count = prng.chance(0.5) ? 1 : 1 + prng.below(17);
    const asset = prng.below(prng.chance(0.1) ? 5 : account.handle <= 2 ? 3 : 1);
    const balance = (account.balances[asset] ?? 0n) - (asset === 0 ? envelope.fee : 0n);
    if (balance > 0n && prng.chance(0.05)) {
      // All there is, or one more than that.
      const amounts = BigUint64Array.of(balance + BigInt(prng.below(2)) * (balance < 2n ** 63n ? 1n : 0n));
      const recipients = Uint32Array.of(this.#recipient(account));
      return { ...envelope, kind: 'transfer-batch', asset, atomic: prng.chance(0.5), recipients, amounts };
    }
    const part = (balance > 0n ? balance : 0n) / BigInt(prng.chance(0.8) ? 20 * count : count) + 1n;
    const recipients = Uint32Array.from({ length: count }, () => this.#recipient(account));
    const amounts = BigUint64Array.from({ length: count }, () => 1n + (part * BigInt(prng.below(1_000))) / 900n);
    return { ...envelope, kind: 'transfer-batch', asset, atomic: prng.chance(0.5), recipients, amounts };
  }

  #recipient(account: AccountState): number {
    const prng = this.#prng;
    if (prng.chance(0.03)) return prng.chance(0.5) ? FROZEN : 2 ** 32 - 1 - prng.below(3);
    if (prng.chance(0.1)) return account.handle;
    const handle = prng.below(GENESIS_ACCOUNTS + 1);
    return handle === FROZEN ? 0 : handle;
  }

  /** One field off, now and then. */
  #varied(account: AccountState, tx: Transaction): Transaction {
    const prng = this.#prng;
    const rare = (change: Partial<Envelope>): Transaction => ({ ...tx, ...change });
    switch (prng.below(40)) {
      case 0:
        return rare({ nonce: tx.nonce + 1 + prng.below(3) });
      case 1:
        return rare({ nonce: Math.max(0, tx.nonce - 1 - prng.below(2)) });
      case 2:
        return rare({ keyVersion: tx.keyVersion + 1 + prng.below(2) });
      case 3:
        return rare({ keyVersion: Math.max(0, tx.keyVersion - 1) });
      case 4:
        return rare({ expiryMs: this.#timeMs - 1 - prng.below(100) });
      case 5:
        return rare({ expiryMs: this.#timeMs + PARAMETERS.expiryHorizonMs + prng.below(3) });
      case 6:
        return rare({ fee: BigInt(prng.below(4)) });
      case 7:
        return rare({ fee: (account.balances[0] ?? 0n) + BigInt(prng.below(2)) });
      case 8:
        return rare({ sender: id<Address>(prng.bytes(32)) });
      default:
        return tx;
    }
  }

  #openedKey(ledger: Ledger): Uint8Array {
    if (this.#prng.chance(0.3)) return (this.#keys.get(this.#anyAccount(ledger).address) ?? [])[0] as Uint8Array;
    return this.#newKey();
  }

  #newKey(): Uint8Array {
    const key = this.#prng.bytes(PUBLIC_KEY_BYTES);
    this.#keys.set(accountAddress(this.#hasher, key), [key]);
    return key;
  }

  #rotatedKey(address: Address): Uint8Array {
    const key = this.#prng.bytes(PUBLIC_KEY_BYTES);
    this.#keys.get(address)?.push(key);
    return key;
  }
}
