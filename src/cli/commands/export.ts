import { join } from 'node:path';
import { blockView, transactionView } from '../../api/views.ts';
import type { Av10Client } from '../../client/index.ts';
import { RECEIPT_FOLDER } from '../../node/restart-setup.ts';
import { type StoppedNode, withStoppedNode } from '../../node/stopped-node.ts';
import { DEFAULT_RECEIPT_INDEX_OPTIONS, SqliteReceiptIndex } from '../../storage/index.ts';
import { decodeSignedHeader } from '../../types/block-codec.ts';
import { type CommitIndex, id, type TransactionId } from '../../types/ids.ts';
import { parsePayload } from '../../types/payload.ts';
import { decodeReceipt } from '../../types/receipt.ts';
import type * as Rest from '../../types/rest.ts';
import { commandBackend } from '../backend.ts';
import { type ClientFlags, withClient } from '../client.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import { CliError } from '../errors.ts';
import { exists } from '../files.ts';
import { type WriteLine, writeJsonLines } from '../json-lines.ts';
import { integerOption } from '../number-option.ts';
import { LogProgress } from '../offline/log-progress.ts';
import { eachCommit, type StoredCommit } from '../offline/stored-commits.ts';
import { StopRequest } from '../stop-request.ts';
import type { Terminal } from '../terminal.ts';

export type ExportKind = 'blocks' | 'receipts';

export interface ExportOptions extends ClientFlags {
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
}

interface Range {
  readonly from: CommitIndex | undefined;
  readonly to: CommitIndex | undefined;
}

interface Task {
  readonly kind: ExportKind;
  readonly range: Range;
  readonly terminal: Terminal;
  readonly stopRequest: StopRequest;
}

/** `av10 export`: blocks or receipts as JSON lines, from a running validator with --url, else from the files of a stopped one. */
export async function runExport(
  kind: ExportKind,
  flags: ConfigFlags,
  { from, to, out, ...client }: ExportOptions,
  terminal: Terminal,
): Promise<undefined> {
  const bound = (name: string, text: string | undefined): number | undefined =>
    integerOption(name, text, 1, Number.MAX_SAFE_INTEGER);
  const range = { from: bound('--from', from), to: bound('--to', to) };
  if (range.from !== undefined && range.to !== undefined && range.from > range.to)
    throw new CliError('USAGE', `--to: at least ${range.from} expected, got ${range.to}`, { option: '--to' });
  const stopRequest = new StopRequest();
  const task = { kind, range, terminal, stopRequest };
  let lines = 0;
  try {
    await writeJsonLines(out, async (write) => {
      const counted: WriteLine = async (value) => {
        if (stopRequest.isReceived) throw new CliError('INTERRUPTED', 'interrupted: the export is not whole');
        lines += 1;
        await write(value);
      };
      if (client.url === undefined) await exportStored(task, flags, counted);
      else await withClient(client, (asked) => exportServed(task, asked, counted));
    });
  } finally {
    stopRequest.dispose();
  }
  if (out === undefined) terminal.note(`${lines} lines`);
  else terminal.result({ lines, out }, [`${lines} lines in ${out}`]);
}

async function exportServed({ kind, range, terminal }: Task, client: Av10Client, write: WriteLine): Promise<void> {
  const to = range.to ?? (await client.status()).lastExecuted;
  for (let height = range.from ?? 1; height <= to; height++) {
    const block = await client.block(height);
    terminal.progress(`block ${height} of ${to}`);
    if (kind === 'blocks') await write(block);
    else
      for (const txId of block.transactions) await writeServedReceipt(client, id<TransactionId>(txId), height, write);
  }
}

/** A transaction may lie in several blocks and is applied in one at most. */
async function writeServedReceipt(
  client: Av10Client,
  txId: TransactionId,
  height: number,
  write: WriteLine,
): Promise<void> {
  const found: Rest.Transaction | undefined = await client
    .transaction(txId)
    .catch((error: { readonly code?: string }) => {
      if (error.code === 'TRANSACTION_UNKNOWN') return undefined;
      throw error;
    });
  if (found?.receipt?.commit === height) await write(found);
}

async function exportStored({ kind, range, terminal }: Task, flags: ConfigFlags, write: WriteLine): Promise<void> {
  const { config } = await readConfig(flags);
  await withStoppedNode(config, commandBackend(), async (node) => {
    const progress = new LogProgress(terminal, 'reading the log', node.opened.log);
    const limits = { from: range.from, to: range.to ?? Number.MAX_SAFE_INTEGER };
    if (kind === 'blocks') {
      await eachCommit(node, limits, progress, (stored) => write(blockView(storedView(node, stored))));
      return;
    }
    const receipts = await openReceipts(join(config.dataDir, RECEIPT_FOLDER));
    try {
      await eachCommit(node, limits, progress, (stored) => writeStoredReceipts(node, stored, receipts, write));
    } finally {
      await receipts.close();
    }
  });
}

function storedView(
  { modules: { hasher } }: StoppedNode,
  { commit, blocks }: StoredCommit,
): Parameters<typeof blockView>[0] {
  const transactions = blocks.flatMap((block) => {
    const { payload } = decodeSignedHeader(hasher, block.header, block.signature);
    return parsePayload(hasher, block.payload, payload.txCount).items.map((item) => item.id);
  });
  return { commit, transactions };
}

async function writeStoredReceipts(
  node: StoppedNode,
  stored: StoredCommit,
  receipts: SqliteReceiptIndex,
  write: WriteLine,
): Promise<void> {
  for (const txId of storedView(node, stored).transactions) {
    const found = receipts.get(txId);
    if (found?.commitIndex !== stored.commit.index) continue;
    await write(transactionView({ id: txId, level: 'final', receipt: decodeReceipt(found.receipt) }, receipts.cursor));
  }
}

async function openReceipts(path: string): Promise<SqliteReceiptIndex> {
  if (await exists(path)) return SqliteReceiptIndex.open(path, DEFAULT_RECEIPT_INDEX_OPTIONS);
  throw new CliError('FILE_UNREADABLE', `there are no receipts in ${path}: the validator never ran`, { path });
}
