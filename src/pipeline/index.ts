export type { AccountView } from './account-view.ts';
export { addressSource } from './address-source.ts';
export { Admission, type AdmissionModules, type AdmissionOutcome } from './admission.ts';
export type { AdmissionParameters } from './admission-rules.ts';
export { AdmissionError, type AdmissionErrorCode, PipelineError, type PipelineErrorCode } from './errors.ts';
export { type AddOutcome, type ExecutedTransaction, Mempool, type MempoolStats } from './mempool.ts';
export {
  type AdmissionOptions,
  DEFAULT_ADMISSION_OPTIONS,
  DEFAULT_MEMPOOL_OPTIONS,
  DEFAULT_VERIFY_POOL_OPTIONS,
  type MempoolOptions,
  type VerifyPoolOptions,
} from './options.ts';
export type { PooledTransaction } from './sender-chain.ts';
export { SignatureGate } from './signature-gate.ts';
export {
  INVALID,
  inlineVerifier,
  type PayloadCheck,
  type SignatureVerifier,
  UNCHECKED,
  VALID,
} from './signature-verifier.ts';
export { SourceBudgets } from './source-budgets.ts';
export { VerifyPool, type VerifyPoolModules } from './verify-pool.ts';
