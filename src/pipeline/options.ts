/** The mempool's window of nonces, counted from the sender's next one; the ledger itself is strictly sequential. */
export const NONCE_WINDOW = 64;

export interface MempoolOptions {
  /** Bytes of all transactions, as they lie in a payload: seconds of full load. */
  readonly maxBytes: number;
  /** Bytes of one sender: it cannot fill the mempool. */
  readonly maxSenderBytes: number;
  /** Remembered (sender, nonce) pairs of other authors' blocks, about 200 B each; forgetting one costs a double inclusion, no more. */
  readonly maxIncludedNotes: number;
}

export const DEFAULT_MEMPOOL_OPTIONS: MempoolOptions = {
  maxBytes: 256 * 1024 * 1024,
  maxSenderBytes: 8 * 1024 * 1024,
  maxIncludedNotes: 100_000,
};

export interface AdmissionOptions {
  /** Signatures waiting for their verdict, about 2 s of two cores; beyond it the answer is BUSY. */
  readonly maxVerifyItems: number;
  readonly maxVerifyBytes: number;
  /** Verifications an untrusted source may cause a second: 1 % of a core. */
  readonly sourceVerificationsPerSecond: number;
  readonly sourceBurst: number;
  /** Sources whose budget is remembered, about 200 B each; the one unused longest starts afresh. */
  readonly maxSources: number;
  /** Sources without a budget: load generators and gateways of the operator. */
  readonly trustedSources: readonly string[];
  /** Wire keys of bad signatures, 32 B each: a repeated one costs a look-up. Good ones are remembered by the ledger. */
  readonly rejectedKeys: number;
}

export const DEFAULT_ADMISSION_OPTIONS: AdmissionOptions = {
  maxVerifyItems: 20_000,
  maxVerifyBytes: 64 * 1024 * 1024,
  sourceVerificationsPerSecond: 50,
  sourceBurst: 200,
  maxSources: 10_000,
  trustedSources: [],
  rejectedKeys: 65_536,
};

/** Half of what a full verify queue takes to drain. */
export const BUSY_RETRY_MS = 1_000;

export interface VerifyPoolOptions {
  readonly workers: number;
  /** How long a few signatures wait for others: handing over a task costs as much as one verification. */
  readonly gatherMs: number;
  /** A fuse twice as high as admission's own limit, since the signatures of blocks pass here too. */
  readonly maxQueuedItems: number;
  readonly maxQueuedBytes: number;
}

export const DEFAULT_VERIFY_POOL_OPTIONS: VerifyPoolOptions = {
  workers: 2,
  gatherMs: 2,
  maxQueuedItems: 40_000,
  maxQueuedBytes: 128 * 1024 * 1024,
};
