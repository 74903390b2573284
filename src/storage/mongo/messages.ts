import type { CommitIndex, NetworkId, TransactionId } from '../../types/ids.ts';
import type { LogFields } from '../../util/logger.ts';
import type { IndexedReceipt } from '../receipt-index.ts';
import type { ArchiveProgress, ArchiveReport, LogPlace } from './archiver.ts';
import type { ArchiveAddress } from './database.ts';
import type { ArchiveLevel } from './options.ts';

/** What the archive thread starts with. */
export interface ArchiveThreadData {
  readonly address: ArchiveAddress;
  readonly level: ArchiveLevel;
  readonly networkId: NetworkId;
  readonly genesis: Uint8Array;
  /** Of the block log, relative to the root of the file system. */
  readonly directory: string;
}

/** One question is open at a time. */
export type ToArchiveThread =
  | { readonly type: 'progress'; readonly progress: ArchiveProgress }
  | { readonly type: 'place'; readonly place: LogPlace }
  | { readonly type: 'receipts'; readonly receipts: readonly (IndexedReceipt | undefined)[] }
  /** Instead of receipts. */
  | { readonly type: 'no-receipts'; readonly reason: string }
  | { readonly type: 'stop' };

export type FromArchiveThread =
  | { readonly type: 'ask-place'; readonly commit: CommitIndex }
  | { readonly type: 'ask-receipts'; readonly ids: readonly TransactionId[] }
  | { readonly type: 'report'; readonly report: ArchiveReport & { readonly cpuSeconds: number } }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: LogFields;
    };
