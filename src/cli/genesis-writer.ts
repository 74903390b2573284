import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hasher } from '../crypto/hasher.ts';
import { committeeWarnings, type Member } from '../params/committee.ts';
import {
  decodeGenesis,
  encodeGenesis,
  type Genesis,
  type GenesisAccounts,
  type GenesisContent,
} from '../params/genesis.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { toHex } from '../util/bytes.ts';
import { CliError } from './errors.ts';
import { createFile, exists } from './files.ts';

export const GENESIS_FILE = 'genesis.json';
export const ACCOUNTS_FILE = 'accounts.bin';

/** Rows are gathered to this before they are written. */
const CHUNK_BYTES = 1024 * 1024;

export interface FundedAccount {
  readonly publicKey: Uint8Array;
  /** Units of asset 0. */
  readonly balance: bigint;
}

export interface WrittenGenesis {
  readonly genesis: Genesis;
  readonly warnings: readonly string[];
}

/**
 * Writes `accounts.bin` and then `genesis.json`, which names it: a genesis without its accounts never exists. One account is in memory at a time.
 * @throws CliError FILE_EXISTS; ParamsError
 */
export async function writeGenesis(
  hasher: Hasher,
  folder: string,
  content: Omit<GenesisContent, 'accounts' | 'members'> & { readonly members: readonly Member[] },
  accounts: Iterable<FundedAccount> | AsyncIterable<FundedAccount>,
): Promise<WrittenGenesis> {
  await mkdir(folder, { recursive: true });
  const genesisFile = join(folder, GENESIS_FILE);
  for (const path of [genesisFile, join(folder, ACCOUNTS_FILE)]) {
    if (await exists(path))
      throw new CliError('FILE_EXISTS', `${path} is there already: move it away or name another folder`, { path });
  }
  const bytes = encodeGenesis({
    ...content,
    accounts: await writeAccounts(hasher, join(folder, ACCOUNTS_FILE), accounts),
  });
  const genesis = decodeGenesis(hasher, bytes);
  await createFile(genesisFile, bytes);
  return { genesis, warnings: committeeWarnings(genesis.committee) };
}

async function writeAccounts(
  hasher: Hasher,
  path: string,
  accounts: Iterable<FundedAccount> | AsyncIterable<FundedAccount>,
): Promise<GenesisAccounts> {
  const unfinished = `${path}.unfinished-${process.pid}`;
  const handle = await open(unfinished, 'wx');
  try {
    const hash = hasher.stream();
    let chunk = new ByteWriter(CHUNK_BYTES);
    let count = 0;
    const flush = async (): Promise<void> => {
      const bytes = chunk.finish();
      chunk = new ByteWriter(CHUNK_BYTES);
      hash.update(bytes);
      await handle.writeFile(bytes);
    };
    for await (const { publicKey, balance } of accounts) {
      chunk.bytes(publicKey).u64(balance);
      count += 1;
      if (chunk.length >= CHUNK_BYTES) await flush();
    }
    await flush();
    await handle.sync();
    await rename(unfinished, path);
    return { file: ACCOUNTS_FILE, count, blake3: toHex(hash.digest()) };
  } finally {
    await handle.close();
    await rm(unfinished, { force: true });
  }
}
