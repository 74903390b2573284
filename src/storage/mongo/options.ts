/**
 * How much of a commit becomes documents. `blocks`: commits, DAG blocks with their bytes, certificates and evidence, all that a restore needs.
 * `batches`: also one for each applied transaction. `transfers`: also one for each transfer.
 */
export const ARCHIVE_LEVELS = ['off', 'blocks', 'batches', 'transfers'] as const;
export type ArchiveLevel = (typeof ARCHIVE_LEVELS)[number];

/** As the requirements name it. */
export const DEFAULT_DATABASE = 'av10_blockchain';

/** Bytes of DAG blocks that are read ahead and written at once: two full blocks and what fits beside them. */
export const WINDOW_BYTES = 4 * 1024 * 1024;
/** Commits of one window, hence between two cursors, and above the newest one: two seconds of a fast network. */
export const WINDOW_COMMITS = 256;
/** Documents handed to the driver at a time: bounds what is encoded in memory. */
export const WRITE_DOCUMENTS = 4_096;

/** How often the node tells what is final: a fraction of the lag that is allowed. */
export const PROGRESS_INTERVAL_MS = 200;
export const FIRST_RETRY_MS = 250;
/** A server that comes back is found within this. */
export const MAX_RETRY_MS = 5_000;
/** A thread that died is replaced after this. */
export const RESTART_DELAY_MS = 5_000;
/** For the write under way at a stop; what is cut off is written again. */
export const STOP_TIMEOUT_MS = 3_000;
/** Of the JavaScript heap of the thread: some fifty windows. What leaks ends the thread, not the node. */
export const THREAD_HEAP_MIB = 512;

/** Finding a server, and connecting to it. */
export const CONNECT_TIMEOUT_MS = 2_000;
/** One write with majority acknowledgement of a loaded cluster. */
export const SOCKET_TIMEOUT_MS = 30_000;
/** One bulk write a collection at a time. */
export const MAX_CONNECTIONS = 8;
