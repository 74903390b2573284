/** A hasher that lives in native memory. */
export interface NativeHasher {
  readonly kind: 'native-hasher';
}

/** An expanded ML-DSA-87 signing key that lives in native memory and is cleansed when it is collected. */
export interface NativeSigningKey {
  readonly kind: 'native-signing-key';
}

/**
 * Everything the native addon exports; `native/binding/src` is the other side of this list. Synchronous calls run on
 * the calling thread, promises on the thread pool. Every failure is a `CodedError` (see `load-addon.ts`).
 */
export interface NativeAddon {
  /** Names of the hash domains; the index of a name stands for it below. */
  hashDomains(): string[];
  hashInto(domain: number, input: Uint8Array, output: Uint8Array): void;
  plainHashInto(input: Uint8Array, output: Uint8Array): void;
  hasherCreate(domain?: number): NativeHasher;
  hasherUpdate(hasher: NativeHasher, input: Uint8Array): void;
  hasherDigestInto(hasher: NativeHasher, output: Uint8Array): void;

  mlDsaKeyFromSeed(seed: Uint8Array): NativeSigningKey;
  mlDsaPublicKey(key: NativeSigningKey): Uint8Array;
  mlDsaSign(key: NativeSigningKey, context: Uint8Array, message: Uint8Array): Promise<Uint8Array>;
  mlDsaSignSync(key: NativeSigningKey, context: Uint8Array, message: Uint8Array): Uint8Array;
  /** By AWS-LC alone. */
  mlDsaVerifySync(publicKey: Uint8Array, context: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** Parallel lists; one byte per item, 1 = valid. Rejects with HALT_VERIFIER_DISAGREES ever after a disagreement with AWS-LC. */
  mlDsaVerifyBatch(
    publicKeys: readonly Uint8Array[],
    contexts: readonly Uint8Array[],
    messages: readonly Uint8Array[],
    signatures: readonly Uint8Array[],
  ): Promise<Uint8Array>;
  /** Names of the verifiers that this processor has, the one in use first. */
  mlDsaVerifiers(): string[];
  /** As `mlDsaVerifyBatch`, but the verdicts of one of these verifiers, by index, that AWS-LC has not confirmed: for tests. */
  mlDsaVerdicts(
    verifier: number,
    publicKeys: readonly Uint8Array[],
    contexts: readonly Uint8Array[],
    messages: readonly Uint8Array[],
    signatures: readonly Uint8Array[],
  ): Promise<Uint8Array>;
  /** How often the key of a signature was kept in its expanded form, and how often not, since the process started. */
  mlDsaKeyLookups(): { hits: number; misses: number };

  mlKemPublicKey(seed: Uint8Array): Uint8Array;
  /** Ciphertext followed by the 32 bytes of the shared secret. */
  mlKemEncapsulate(publicKey: Uint8Array): Uint8Array;
  mlKemDecapsulate(seed: Uint8Array, ciphertext: Uint8Array): Uint8Array;

  /** Ledgers are numbers that every thread of the process may use; `src/execution/native-ledger.ts` says what each call does. */
  ledgerOpen(
    genesis: Uint8Array,
    accountsFile: string,
    keyFile: string,
    simulation: NativeSimulation | undefined,
    snapshot: readonly Uint8Array[],
  ): number;
  ledgerClose(ledger: number): boolean;
  ledgerExecute(ledger: number, commit: Uint8Array, payloads: readonly Uint8Array[], threads: number): Uint8Array;
  ledgerExecuteAsync(
    ledger: number,
    commit: Uint8Array,
    payloads: readonly Uint8Array[],
    threads: number,
  ): Promise<Uint8Array>;
  ledgerVerify(ledger: number, payload: Uint8Array, txCount: number, threads: number): Uint8Array;
  ledgerAccount(ledger: number, handle: number): Uint8Array | null;
  ledgerSenderInto(ledger: number, address: Uint8Array, output: Uint8Array): boolean;
  ledgerAccountByAddress(ledger: number, address: Uint8Array): Uint8Array | null;
  ledgerProof(ledger: number, handle: number, asset: number): Uint8Array | null;
  ledgerLastCommit(ledger: number): number;
  ledgerLastCheckpoint(ledger: number): Uint8Array | null;
  ledgerSnapshot(ledger: number): Uint8Array[];
  ledgerAppendedKeys(ledger: number, first: number, count: number): Uint8Array;
}

export interface NativeSimulation {
  readonly poison: Uint8Array;
  readonly accountLimit?: number;
  readonly frozen: readonly number[];
}
