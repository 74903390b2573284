import { isHex } from '../../util/bytes.ts';
import { type ClientFlags, withClient } from '../client.ts';
import { CliError } from '../errors.ts';
import { columns, type JsonValue, type Terminal } from '../terminal.ts';

/** `av10 block`: a commit by height or hash, or the newest one. @throws CliError USAGE; Av10ApiError BLOCK_UNKNOWN */
export async function showBlock(key: string, options: ClientFlags, terminal: Terminal): Promise<undefined> {
  if (key !== 'latest' && !/^[1-9][0-9]{0,14}$/.test(key) && !isHex(key, 32)) {
    const message = `block: a height from 1, a hash of 64 lower-case hexadecimal digits, or latest expected, got '${key}'`;
    throw new CliError('USAGE', message, { option: 'block' });
  }
  const block = await withClient(options, (client) => client.block(key));
  const { height, hash, previousHash, epoch, timeMs, leader, dagBlocks, transactions } = block;
  terminal.result(block as unknown as JsonValue, [
    ...columns([
      ['height', height],
      ['hash', hash],
      ['previous', previousHash],
      ['epoch', epoch],
      ['time', new Date(timeMs).toISOString()],
      ['leader', `round ${leader.round}, validator ${leader.author}`],
      ['DAG blocks', dagBlocks.length],
      ['transactions', transactions.length],
    ]),
    ...transactions.map((id) => `  ${id}`),
  ]);
}
