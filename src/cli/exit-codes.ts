import { CodedError } from '../util/errors.ts';

interface ExitCode {
  readonly status: number;
  readonly meaning: string;
  /** Codes of errors that end a command with it; a final `*` stands for any ending. */
  readonly codes: readonly string[];
}

/** The contract with scripts and supervisors: a number keeps its meaning. docs/cli.md prints the same table. */
export const EXIT_CODES: readonly ExitCode[] = [
  { status: 0, meaning: 'done', codes: [] },
  { status: 1, meaning: 'failed for a reason without a number of its own', codes: [] },
  {
    status: 2,
    meaning: 'usage, configuration or genesis is wrong: mend what the message lists',
    codes: [
      ...[
        'USAGE',
        'CONFIG_INVALID',
        'GENESIS_*',
        'PARAMETERS_INVALID',
        'COMMITTEE_INVALID',
        'NOT_A_MEMBER',
        'LOG_EXISTS',
        'GUARD_EXISTS',
      ],
      ...[
        'FILE_EXISTS',
        'FILE_UNREADABLE',
        'FILE_INVALID',
        'ARCHIVE_URI',
        'QUANTUM_LEVEL',
        'ADDRESS_INVALID',
        'PEER_ID_INVALID',
        'NETWORK_MISMATCH',
      ],
    ],
  },
  {
    status: 3,
    meaning: 'log or sign guard is missing: `av10 init` for a new validator, `--recover-identity` for one that ran',
    codes: ['NEEDS_IDENTITY_RECOVERY', 'GUARD_*'],
  },
  {
    status: 4,
    meaning: 'halted, because going on could break a promise: do not restart blindly',
    codes: [
      'HALT_*',
      'CONSENSUS_HALT',
      'LEDGER_INVARIANT',
      'LEDGER_ORDER',
      'LEDGER_INPUT',
      'LEDGER_STOPPED',
      'LEDGER_CLOSED',
    ],
  },
  {
    status: 5,
    meaning: 'stored data is damaged, foreign or unwritable',
    codes: [
      ...['LOG_*', 'SNAPSHOT_*', 'INDEX_*', 'DISK_FULL', 'READ_ONLY', 'IO_ERROR', 'SHORT_READ', 'NOT_FOUND', 'EXISTS'],
      ...['LEDGER_GENESIS', 'LEDGER_SNAPSHOT', 'LEDGER_KEY_FILE', 'VERIFICATION_FAILED'],
      ...['ARCHIVE_EMPTY', 'ARCHIVE_FOREIGN', 'ARCHIVE_VERSION', 'ARCHIVE_LEVEL', 'ARCHIVE_DAMAGED'],
    ],
  },
  {
    status: 6,
    meaning: 'something else holds the data folder, a port or the identity',
    codes: [
      ...['ALREADY_RUNNING', 'DEVNET_RUNNING', 'LOCKED', 'PORT_IN_USE', '*LISTEN_FAILED', 'EADDRINUSE'],
      'IDENTITY_IN_USE',
    ],
  },
  {
    status: 7,
    meaning: 'key or passphrase cannot be used',
    codes: ['KEYSTORE_*', 'KEY_*', 'PEER_KEY_*', 'LINK_KEY*', 'TLS_FILES', 'PASSPHRASE_*', 'FILE_MODE'],
  },
  {
    status: 8,
    meaning: 'no validator answered, or not in time',
    codes: ['UNREACHABLE', 'TIMEOUT', 'STOPPING', 'ARCHIVE_UNAVAILABLE', 'ARCHIVE_REFUSED'],
  },
  {
    status: 9,
    meaning: 'a validator refused the request, or the transaction did not succeed',
    codes: ['TRANSACTION_DROPPED', 'TRANSACTION_FAILED', 'DEAD'],
  },
  { status: 10, meaning: '`doctor` found a problem', codes: ['CHECK_FAILED'] },
  { status: 11, meaning: 'the native addon is missing: `npm run build`', codes: ['ADDON_MISSING'] },
  { status: 130, meaning: 'interrupted', codes: ['INTERRUPTED'] },
  { status: 141, meaning: 'whoever read the output has gone', codes: ['EPIPE'] },
];

const FAILED = 1;
const REFUSED = 9;

/** The exit status of whatever was thrown. */
export function exitStatusOf(error: unknown): number {
  const code = codeOf(error);
  if (code === undefined) return FAILED;
  const found = EXIT_CODES.find(({ codes }) => codes.some((pattern) => matches(pattern, code)));
  if (found !== undefined) return found.status;
  // An answer of the API, whichever of its codes: a newer node may add some.
  return Number((error as { status?: unknown }).status ?? 0) > 0 ? REFUSED : FAILED;
}

/** For the end of `av10 --help`. */
export function exitCodeHelp(): string {
  const rows = EXIT_CODES.map(({ status, meaning }) => `  ${String(status).padStart(3)}  ${meaning}`);
  return ['Exit status:', ...rows].join('\n');
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof CodedError) return error.code;
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

function matches(pattern: string, code: string): boolean {
  if (pattern.endsWith('*')) return code.startsWith(pattern.slice(0, -1));
  if (pattern.startsWith('*')) return code.endsWith(pattern.slice(1));
  return pattern === code;
}
