import { CodedError } from '../util/errors.ts';

export type CliErrorCode =
  /** An option or an argument that cannot be used. Fields: option. */
  | 'USAGE'
  /** Nothing is ever overwritten. Fields: path. */
  | 'FILE_EXISTS'
  /** Fields: path. */
  | 'FILE_UNREADABLE'
  /** The content is not what the file should hold. Fields: path, and field where one applies. */
  | 'FILE_INVALID'
  /** A secret that others on this machine can read. Fields: path. */
  | 'FILE_MODE'
  /** No passphrase file was named and there is no terminal to ask at. */
  | 'PASSPHRASE_MISSING'
  /** Empty, too long, or typed differently the second time. */
  | 'PASSPHRASE_UNUSABLE'
  /** The network dropped the transaction. Fields: id, reason. */
  | 'TRANSACTION_DROPPED'
  /** The transaction was executed without success. Fields: id, reason. */
  | 'TRANSACTION_FAILED'
  /** `doctor` found something that keeps a node from running. Fields: failed. */
  | 'CHECK_FAILED'
  /** `verify` found the log to be other than it says. Fields: problems. */
  | 'VERIFICATION_FAILED'
  /** A validator of the devnet did not come up. Fields: validator, log. */
  | 'DEVNET_FAILED'
  /** Fields: path. */
  | 'DEVNET_RUNNING'
  /** A port of the devnet is taken. Fields: port. */
  | 'PORT_IN_USE'
  | 'INTERRUPTED';

/** What the command line itself finds; everything else is an error of the room that was asked. */
export class CliError extends CodedError<CliErrorCode> {}
