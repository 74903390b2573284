import { loadAddon } from '../addon/load-addon.ts';
import type { NativeAddon } from '../addon/native.ts';
import type { AccountState } from '../types/account-proof.ts';
import type { Address, CommitIndex } from '../types/ids.ts';
import type { AccountHandle, AssetIndex } from '../types/transaction.ts';
import { EMPTY_BYTES } from '../util/bytes.ts';
import { encodeLedgerGenesis, type LedgerGenesis } from './genesis.ts';
import type { Checkpoint, ExecutableCommit, ExecutedCommit, Ledger, SenderAccount } from './ledger.ts';
import { decodeAccount, decodeCheckpoint, decodeExecuted, encodeExecutableCommit } from './native-codec.ts';
import type { Simulation } from './simulation.ts';

export interface NativeLedgerOptions {
  readonly genesis: LedgerGenesis;
  /** `accounts.bin`; its hash is checked by whoever loaded the genesis. */
  readonly accountsFile: string;
  /** Keys opened after genesis, made and cut by the ledger: no two ledgers may share it. */
  readonly keyFile: string;
  /** Threads that check signatures; 0 for all of the machine. */
  readonly threads: number;
  readonly verification: 'ml-dsa-87' | SimulatedVerification;
}

/** For the simulator and tests; see `Simulation`. */
export interface SimulatedVerification {
  readonly simulated: Simulation;
}

/** One byte a transaction, as `NativeLedger.verify` and `verifyAhead` answer. */
export const VERIFY_STATUS = { unknownKey: 0, valid: 1, wrongSignature: 2, malformed: 3 } as const;

/** Nonce, key version and fee balance: `ledger_sender_into` in `native/binding/src/ledger.rs`. */
const SENDER_BYTES = 20;

/** The engine in Rust. Other threads of the process reach it by `number`. */
export class NativeLedger implements Ledger {
  readonly number: number;
  readonly #addon: NativeAddon;
  readonly #threads: number;
  /** What `sender` reads, again and again. */
  readonly #senderBytes = new Uint8Array(SENDER_BYTES);
  readonly #senderView = new DataView(this.#senderBytes.buffer);

  /**
   * Opens the ledger of a genesis, or of a snapshot of it.
   * @throws LedgerError codes as CodedError, ADDON_MISSING
   */
  constructor(options: NativeLedgerOptions, snapshot: readonly Uint8Array[] = []) {
    const { genesis, accountsFile, keyFile, threads, verification } = options;
    const simulation = verification === 'ml-dsa-87' ? undefined : nativeSimulation(verification.simulated);
    this.#addon = loadAddon();
    this.#threads = threads;
    this.number = this.#addon.ledgerOpen(encodeLedgerGenesis(genesis), accountsFile, keyFile, simulation, snapshot);
  }

  get lastCommit(): CommitIndex {
    return this.#addon.ledgerLastCommit(this.number);
  }

  get lastCheckpoint(): Checkpoint | undefined {
    const bytes = this.#addon.ledgerLastCheckpoint(this.number);
    return bytes ? decodeCheckpoint(bytes) : undefined;
  }

  execute(commit: ExecutableCommit): ExecutedCommit {
    const payloads = commit.blocks.map((block) => block.payload);
    const encoded = encodeExecutableCommit(commit);
    return decodeExecuted(commit, this.#addon.ledgerExecute(this.number, encoded, payloads, this.#threads));
  }

  /** As `execute`, on a thread of the pool, so that executing never delays a round. One at a time. */
  async executeAsync(commit: ExecutableCommit): Promise<ExecutedCommit> {
    const payloads = commit.blocks.map((block) => block.payload);
    const encoded = encodeExecutableCommit(commit);
    return decodeExecuted(commit, await this.#addon.ledgerExecuteAsync(this.number, encoded, payloads, this.#threads));
  }

  account(address: Address): AccountState | undefined {
    const bytes = this.#addon.ledgerAccountByAddress(this.number, Uint8Array.fromHex(address));
    return bytes ? decodeAccount(bytes) : undefined;
  }

  sender(address: Address): SenderAccount | undefined {
    if (!this.#addon.ledgerSenderInto(this.number, Uint8Array.fromHex(address), this.#senderBytes)) return undefined;
    const view = this.#senderView;
    return {
      nextNonce: Number(view.getBigUint64(0, true)),
      keyVersion: view.getUint32(8, true),
      feeBalance: view.getBigUint64(12, true),
    };
  }

  accountByHandle(handle: AccountHandle): AccountState | undefined {
    const bytes = this.#addon.ledgerAccount(this.number, handle);
    return bytes ? decodeAccount(bytes) : undefined;
  }

  proof(handle: AccountHandle, asset: AssetIndex = 0): Uint8Array | undefined {
    return this.#addon.ledgerProof(this.number, handle, asset) ?? undefined;
  }

  snapshot(): readonly Uint8Array[] {
    return this.#addon.ledgerSnapshot(this.number);
  }

  appendedKeys(first: number, count: number): Uint8Array {
    return this.#addon.ledgerAppendedKeys(this.number, first, count);
  }

  close(): void {
    this.#addon.ledgerClose(this.number);
  }
}

/**
 * Checks the signatures of a payload ahead of execution, from any thread: what is found valid is not checked again when the ledger
 * `number` executes it. Answers a VERIFY_STATUS for each transaction.
 */
export function verifyAhead(number: number, payload: Uint8Array, txCount: number): Uint8Array {
  return loadAddon().ledgerVerify(number, payload, txCount, 1);
}

function nativeSimulation({ poison, accountLimit, frozen }: Simulation): {
  poison: Uint8Array;
  accountLimit?: number;
  frozen: number[];
} {
  return {
    poison: poison ?? EMPTY_BYTES,
    ...(accountLimit !== undefined && { accountLimit }),
    frozen: [...(frozen ?? [])],
  };
}
