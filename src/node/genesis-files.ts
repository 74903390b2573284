import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Hasher } from '../crypto/hasher.ts';
import { decodeGenesis, type Genesis, MAX_GENESIS_BYTES } from '../params/genesis.ts';
import { PUBLIC_KEY_BYTES } from '../types/limits.ts';
import { errorText } from '../util/errors.ts';
import { NodeError } from './errors.ts';

/** A row of `accounts.bin`: public key and balance. */
export const ACCOUNT_ROW_BYTES = PUBLIC_KEY_BYTES + 8;

export interface GenesisFiles {
  readonly genesis: Genesis;
  /** Path of the accounts file, whose content was compared with the hash in the genesis. */
  readonly accountsFile: string;
}

/**
 * Reads `genesis.json` and checks the accounts file beside it.
 * @throws NodeError GENESIS_FILES; ParamsError
 */
export async function readGenesisFiles(hasher: Hasher, genesisFile: string): Promise<GenesisFiles> {
  const genesis = decodeGenesis(hasher, await readBounded(genesisFile));
  const { file, count, blake3 } = genesis.accounts;
  const accountsFile = join(dirname(genesisFile), file);
  const size = (await stat(accountsFile).catch((cause: unknown) => Promise.reject(unreadable(accountsFile, cause))))
    .size;
  if (size !== count * ACCOUNT_ROW_BYTES) {
    const message = `${accountsFile} has ${size} bytes; ${count} accounts take ${count * ACCOUNT_ROW_BYTES}: copy the file again`;
    throw new NodeError('GENESIS_FILES', message, { path: accountsFile, bytes: size });
  }
  const found = await hashFile(hasher, accountsFile);
  if (found !== blake3) {
    const message = `${accountsFile} is not the one that the genesis names: copy the file again`;
    throw new NodeError('GENESIS_FILES', message, { path: accountsFile, expected: blake3, found });
  }
  return { genesis, accountsFile };
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > MAX_GENESIS_BYTES)
      throw new NodeError('GENESIS_FILES', `${path} has ${size} bytes: this is no genesis`, { path });
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    if (cause instanceof NodeError) throw cause;
    throw unreadable(path, cause);
  }
}

async function hashFile(hasher: Hasher, path: string): Promise<string> {
  const stream = hasher.stream();
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) stream.update(chunk as Uint8Array);
  return stream.digest().toHex();
}

function unreadable(path: string, cause: unknown): NodeError {
  return new NodeError(
    'GENESIS_FILES',
    `${path} cannot be read (${errorText(cause)}): name it with --genesis-file`,
    { path },
    { cause },
  );
}
