export { LedgerError, type LedgerErrorCode } from './errors.ts';
export { type Issue, type LedgerGenesis, type LedgerParameters, ledgerGenesis } from './genesis.ts';
export type { Checkpoint, ExecutableBlock, ExecutableCommit, ExecutedCommit, Ledger, SenderAccount } from './ledger.ts';
export type { SignatureOracle } from './model/execution.ts';
export { ModelLedger, type ModelModules, type ModelOptions } from './model/model-ledger.ts';
export { NativeLedger, type NativeLedgerOptions, VERIFY_STATUS, verifyAhead } from './native-ledger.ts';
export { type AppliedOutcome, type DroppedOutcome, type Outcome, Outcomes, receipt } from './outcomes.ts';
export { simulatedSignature } from './simulated-signature.ts';
export type { Simulation } from './simulation.ts';
