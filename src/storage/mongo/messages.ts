import type { CommitIndex, NetworkId } from '../../types/ids.ts';
import type { LogFields } from '../../util/logger.ts';
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
  /** Of the receipt index. */
  readonly receipts: string;
}

export interface TimedReport extends ArchiveReport {
  /** Processor time of the thread. */
  readonly cpuSeconds: number;
}

/** One question is open at a time. */
export type ToArchiveThread =
  | { readonly type: 'progress'; readonly progress: ArchiveProgress }
  | { readonly type: 'place'; readonly place: LogPlace }
  | { readonly type: 'stop' };

export type FromArchiveThread =
  | { readonly type: 'ask-place'; readonly commit: CommitIndex }
  | { readonly type: 'report'; readonly report: TimedReport }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: LogFields;
    };
