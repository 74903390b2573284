import { CodedError } from '../util/errors.ts';

/**
 * Why a ledger stops; the content of a transaction causes none of them.
 * `LEDGER_ORDER`: commits are executed strictly in order. `LEDGER_INPUT`: a commit states what cannot be. `LEDGER_GENESIS`: the genesis
 * and its accounts disagree. `LEDGER_SNAPSHOT`: a snapshot is damaged or of another network. `LEDGER_KEY_FILE`: a file of keys is
 * missing, damaged or not accessible. `LEDGER_INVARIANT`: supply violated, a bug. `LEDGER_STOPPED`: an earlier failure left the state
 * half way. `LEDGER_CLOSED`: it was closed.
 */
export type LedgerErrorCode =
  | 'LEDGER_ORDER'
  | 'LEDGER_INPUT'
  | 'LEDGER_GENESIS'
  | 'LEDGER_SNAPSHOT'
  | 'LEDGER_KEY_FILE'
  | 'LEDGER_INVARIANT'
  | 'LEDGER_STOPPED'
  | 'LEDGER_CLOSED';

export class LedgerError extends CodedError<LedgerErrorCode> {}
