import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorText } from '../util/errors.ts';
import { CliError } from './errors.ts';

/** Whatever a command reads whole: genesis files of large committees have 1.6 MB. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const PUBLIC_MODE = 0o644;
const SECRET_MODE = 0o600;
const SECRET_FOLDER_MODE = 0o700;
/** Any access of others, and writing by the group. Container orchestrators hand secrets over by group, so reading by the group is allowed. */
const FOREIGN_BITS = 0o027;
/** Where container engines mount secrets, made by root. The mode there is that of a file outside and does not say who can reach it in here. */
const MOUNTED_SECRETS = '/run/secrets/';

/**
 * Writes a file that must not exist yet: whole or not at all, whenever the process ends, and durable on return.
 * @throws CliError FILE_EXISTS
 */
export async function createFile(path: string, content: Uint8Array | string): Promise<void> {
  await publish(path, content, PUBLIC_MODE);
}

/** As {@link createFile}, readable by its owner only, from the first byte on. */
export async function createSecretFile(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: SECRET_FOLDER_MODE });
  await publish(path, content, SECRET_MODE);
}

/** Writes a file in one step, in the place of an older one. */
export async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const unfinished = await writeBeside(path, content, PUBLIC_MODE);
  await rename(unfinished, path);
  await syncFolder(dirname(path));
}

/** @throws CliError FILE_UNREADABLE */
export async function readBounded(path: string, maxBytes = MAX_FILE_BYTES): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size <= maxBytes) return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new CliError('FILE_UNREADABLE', `${path} cannot be read: ${errorText(cause)}`, { path }, { cause });
  }
  throw new CliError('FILE_UNREADABLE', `${path} has more than ${maxBytes} bytes`, { path });
}

/** @throws CliError FILE_MODE, FILE_UNREADABLE */
export async function readSecretFile(path: string): Promise<Uint8Array> {
  await requireSecret(path);
  return readBounded(path);
}

/**
 * Refuses a secret that is open to other users. One that is not there is the business of who reads it.
 * @throws CliError FILE_MODE
 */
export async function requireSecret(path: string): Promise<void> {
  const mode = await modeOf(path);
  if (mode === undefined || !isOpenToOthers(path, mode)) return;
  throw new CliError('FILE_MODE', `${path} is open to other users: run \`chmod 600 ${path}\``, { path });
}

/** Whether the mode gives a secret away to other users of this machine. */
export function isOpenToOthers(path: string, mode: number): boolean {
  return (mode & FOREIGN_BITS) !== 0 && !resolve(path).startsWith(MOUNTED_SECRETS);
}

/** Permission bits; undefined if there is no such file. */
export async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  return (await modeOf(path)) !== undefined;
}

async function publish(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  const unfinished = await writeBeside(path, content, mode);
  try {
    // Unlike rename, a link never takes the place of a file that appeared meanwhile.
    await link(unfinished, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CliError('FILE_EXISTS', `${path} is there already: move it away or name another`, { path });
  } finally {
    await rm(unfinished, { force: true });
  }
  await syncFolder(dirname(path));
}

async function writeBeside(path: string, content: Uint8Array | string, mode: number): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const unfinished = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  const handle = await open(unfinished, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return unfinished;
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
