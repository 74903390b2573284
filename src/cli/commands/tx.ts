import { type Av10Client, type WaitLevel, Wallet } from '../../client/index.ts';
import { type Address, id, type TransactionId } from '../../types/ids.ts';
import { MAX_TRANSACTION_BYTES, MAX_TRANSFERS, SIGNATURE_BYTES } from '../../types/limits.ts';
import type { SignedBody } from '../../types/payload.ts';
import type { AppliedCode } from '../../types/receipt-code.ts';
import type * as Rest from '../../types/rest.ts';
import { openAccountKey } from '../account-keys.ts';
import { type ClientFlags, isHandle, requireId, withClient } from '../client.ts';
import { CliError } from '../errors.ts';
import { readBounded } from '../files.ts';
import { amountOption, integerOption } from '../number-option.ts';
import { readPassphrase } from '../passphrase.ts';
import { columns, type JsonValue, type Terminal } from '../terminal.ts';

const MAX_ASSET = 255;
/** A batch that is not atomic may succeed in part: the receipt says in which. */
const SUCCESSES: readonly string[] = ['OK', 'PARTIAL'] satisfies AppliedCode[];

export type Wait = WaitLevel | 'none';

export interface TransferOptions extends ClientFlags {
  readonly from: string;
  readonly to: readonly string[];
  readonly amount: readonly string[];
  readonly asset: string;
  readonly wait: Wait;
  readonly passphraseFile?: string;
}

export async function transfer(options: TransferOptions, terminal: Terminal): Promise<undefined> {
  const { from, to, amount, asset } = options;
  if (to.length !== amount.length || to.length > MAX_TRANSFERS) {
    const message = `${to.length} recipients and ${amount.length} amounts: one amount for each of at most ${MAX_TRANSFERS} recipients`;
    throw new CliError('USAGE', message, { option: '--amount' });
  }
  const transfers = to.map((text, i) => ({
    to: recipient(text),
    amount: amountOption('--amount', amount[i] as string),
  }));
  const assetIndex = integerOption('--asset', asset, 0, MAX_ASSET) ?? 0;
  await withClient(options, async (client) => {
    const passphrase = await readPassphrase(options.passphraseFile, { isNew: false });
    const { address, signer } = await openAccountKey(client.modules.crypto, from, passphrase);
    passphrase.wipe();
    const startedMs = performance.now();
    const submitted = await new Wallet(client, signer, { address }).transfer(transfers, { asset: assetIndex });
    await follow(client, submitted.id, options.wait, startedMs, terminal);
  });
}

export async function submit(
  file: string,
  options: ClientFlags & { readonly wait: Wait },
  terminal: Terminal,
): Promise<undefined> {
  const signed = split(file, file === '-' ? await readStandardInput() : await readBounded(file, MAX_TRANSACTION_BYTES));
  await withClient(options, async (client) => {
    const startedMs = performance.now();
    const submitted = await client.submit(signed);
    await follow(client, submitted.id, options.wait, startedMs, terminal);
  });
}

export async function status(text: string, options: ClientFlags, terminal: Terminal): Promise<undefined> {
  const txId = id<TransactionId>(requireId(text, 'id'));
  const found = await withClient(options, (client) => client.transaction(txId));
  terminal.result(found as unknown as JsonValue, columns(rowsOf(found)));
}

/** Waits as long as `wait` says and shows what became of it. @throws CliError TRANSACTION_DROPPED, TRANSACTION_FAILED */
export async function follow(
  client: Av10Client,
  txId: TransactionId,
  wait: Wait,
  startedMs: number,
  terminal: Terminal,
): Promise<void> {
  if (wait === 'none') return terminal.result({ id: txId, level: 'accepted' }, [txId]);
  const found = await client.waitFor(txId, wait);
  const tookMs = Math.round(performance.now() - startedMs);
  const { receipt, dropped } = found;
  if (dropped !== undefined) {
    const message = `the network dropped ${txId}: ${dropped.code}${dropped.retryable ? '; it may be sent again' : ''}`;
    throw new CliError('TRANSACTION_DROPPED', message, { id: txId, reason: dropped.code });
  }
  if (receipt !== undefined && !SUCCESSES.includes(receipt.code)) {
    const message = `${txId} was executed in commit ${receipt.commit} with ${receipt.code}`;
    throw new CliError('TRANSACTION_FAILED', message, { id: txId, reason: receipt.code });
  }
  terminal.result({ ...found, tookMs } as unknown as JsonValue, columns([...rowsOf(found), ['took', `${tookMs} ms`]]));
}

function rowsOf({ id: txId, level, receipt, checkpoint, dropped }: Rest.Transaction): [string, JsonValue][] {
  const rows: [string, JsonValue][] = [
    ['id', txId],
    ['level', level],
  ];
  if (receipt !== undefined)
    rows.push(
      ['commit', receipt.commit],
      ['result', receipt.code],
      ['transfers', receipt.transfers],
      ['fee', receipt.fee],
    );
  if (receipt?.kind === 'open-account') rows.push(['opened handle', receipt.detail]);
  if (checkpoint !== undefined) rows.push(['checkpoint', checkpoint]);
  if (dropped !== undefined) rows.push(['dropped', dropped.code]);
  return rows;
}

function recipient(text: string): number | Address {
  return isHandle(text) ? Number(text) : id<Address>(requireId(text, '--to'));
}

function split(file: string, bytes: Uint8Array): SignedBody {
  const bodyBytes = bytes.length - SIGNATURE_BYTES;
  if (bodyBytes < 1)
    throw new CliError(
      'FILE_INVALID',
      `${file}: a transaction has more than ${SIGNATURE_BYTES} bytes, got ${bytes.length}`,
      { path: file },
    );
  return { body: bytes.subarray(0, bodyBytes), signature: bytes.subarray(bodyBytes) };
}

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > MAX_TRANSACTION_BYTES)
      throw new CliError('FILE_INVALID', `standard input: at most ${MAX_TRANSACTION_BYTES} bytes expected`, {
        path: '-',
      });
  }
  return new Uint8Array(Buffer.concat(chunks));
}
