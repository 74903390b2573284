import { readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readKeystoreLabel } from '../crypto/keystore.ts';
import { LINK_CERTIFICATE_FILE, PEER_KEY_FILE } from '../node/key-files.ts';
import { SYSTEM_RANDOM } from '../node/system.ts';
import { toHex } from '../util/bytes.ts';
import { errorText } from '../util/errors.ts';
import { isObject } from '../util/is-object.ts';
import { CliError } from './errors.ts';
import { createSecretFile, readBounded, readSecretFile } from './files.ts';
import { moveFolder } from './validator-keys.ts';

const FORMAT = 'av10-keys-1';
const KEYSTORE_NAME = /^(identity|consensus|link|link-[1-9][0-9]{0,8})\.json$/;
const OTHER_NAMES: readonly string[] = [PEER_KEY_FILE, LINK_CERTIFICATE_FILE];
/** Four keystores, a key and a certificate; the rest are link keys of earlier times. */
const MAX_FILES = 1_000;
/** Of the names, in whichever folder they lie. */
const REQUIRED: readonly string[] = ['consensus.json', PEER_KEY_FILE];

/**
 * Puts the files of a key folder into one, as they are: keystores stay encrypted under their passphrases.
 * @returns the names of the files
 * @throws CliError FILE_INVALID if the folder has no validator's keys; FILE_EXISTS, FILE_UNREADABLE, FILE_MODE
 */
export async function backupKeys(keysDir: string, out: string): Promise<string[]> {
  const names = (await namesIn(keysDir)).filter(isKeyFile);
  const missing = REQUIRED.find((name) => !names.includes(name));
  if (missing !== undefined) {
    const path = join(keysDir, missing);
    throw new CliError('FILE_INVALID', `${path} is missing: this is no folder of a validator's keys`, { path });
  }
  const contents = await Promise.all(
    names.map(async (name) => [name, Buffer.from(await readSecretFile(join(keysDir, name))).toString('base64')]),
  );
  const backup = { format: FORMAT, files: Object.fromEntries(contents) };
  await createSecretFile(out, `${JSON.stringify(backup, null, 2)}\n`);
  return names;
}

/**
 * Makes a key folder from a backup. The files appear together or not at all.
 * @returns the names of the files
 * @throws CliError FILE_INVALID naming the file in the backup; FILE_EXISTS if the folder holds anything; FILE_UNREADABLE
 */
export async function importKeys(path: string, keysDir: string): Promise<string[]> {
  const files = decodeBackup(path, await readBounded(path));
  const target = resolve(keysDir);
  const staging = join(dirname(target), `.keys-${toHex(SYSTEM_RANDOM.bytes(8))}`);
  try {
    for (const [name, content] of files) await createSecretFile(join(staging, name), content);
    await moveFolder(staging, target);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return files.map(([name]) => name);
}

function decodeBackup(path: string, bytes: Uint8Array): (readonly [string, Uint8Array])[] {
  const invalid = (field: string, expected: string): CliError =>
    new CliError('FILE_INVALID', `${path}: ${field}: ${expected}`, { path, field });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('(file)', `no JSON: ${errorText(cause)}`);
  }
  if (!isObject(value) || value.format !== FORMAT || !isObject(value.files))
    throw invalid('format', `a file of \`av10 keys backup\` expected (${FORMAT})`);
  const entries = Object.entries(value.files);
  if (entries.length > MAX_FILES) throw invalid('files', `at most ${MAX_FILES} expected`);
  for (const name of REQUIRED) if (!Object.hasOwn(value.files, name)) throw invalid(name, 'missing');
  return entries.map(([name, content]) => {
    if (!isKeyFile(name)) throw invalid(name, 'no name of a key file');
    if (typeof content !== 'string') throw invalid(name, 'base64 expected');
    const decoded = new Uint8Array(Buffer.from(content, 'base64'));
    if (KEYSTORE_NAME.test(name) && !isKeystore(decoded, name)) throw invalid(name, 'no keystore for this purpose');
    return [name, decoded] as const;
  });
}

function isKeystore(bytes: Uint8Array, name: string): boolean {
  try {
    return name.startsWith(readKeystoreLabel(bytes).purpose);
  } catch {
    return false; // whatever is wrong with it, it opens no key
  }
}

function isKeyFile(name: string): boolean {
  return KEYSTORE_NAME.test(name) || OTHER_NAMES.includes(name);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    throw new CliError('FILE_UNREADABLE', `${folder} cannot be read: ${errorText(cause)}`, { path: folder }, { cause });
  }
}
