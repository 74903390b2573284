import type { CryptoBackend } from '../../crypto/backend.ts';
import { readGenesisFiles } from '../../node/genesis-files.ts';
import { keystoreFile } from '../../node/key-files.ts';
import { toHex } from '../../util/bytes.ts';
import { generateAccountKey } from '../account-keys.ts';
import { commandBackend } from '../backend.ts';
import { CliError } from '../errors.ts';
import { createFile, exists } from '../files.ts';
import { backupKeys, importKeys } from '../key-backup.ts';
import { rotateLinkKey } from '../link-rotation.ts';
import { integerOption } from '../number-option.ts';
import { readPassphrase } from '../passphrase.ts';
import { columns, type Terminal } from '../terminal.ts';
import { encodeValidatorFile } from '../validator-file.ts';
import { generateValidatorKeys, type PublicKeys, readPublicKeys } from '../validator-keys.ts';

const MAX_POWER = 2 ** 31;
const DEFAULT_DAYS = 90;
const MAX_DAYS = 3_650;

export interface GenerateOptions {
  readonly keysDir: string;
  readonly passphraseFile?: string;
}

export interface ShowOptions {
  readonly keysDir: string;
  readonly export?: string;
  readonly name?: string;
  readonly address?: string;
  readonly power: string;
}

export interface RotateOptions {
  readonly keysDir: string;
  readonly genesisFile: string;
  readonly identity?: string;
  readonly days: string;
  readonly passphraseFile?: string;
  readonly identityPassphraseFile?: string;
}

export interface AccountOptions {
  readonly out: string;
  readonly passphraseFile?: string;
}

export async function generateKeys(
  { keysDir, passphraseFile }: GenerateOptions,
  terminal: Terminal,
): Promise<undefined> {
  const crypto = commandBackend();
  const passphrase = await readPassphrase(passphraseFile, { isNew: true });
  const keys = await generateValidatorKeys(crypto, keysDir, passphrase);
  passphrase.wipe();
  terminal.result(summary(crypto, keys), columns(Object.entries(summary(crypto, keys))));
  terminal.warn(
    `${keysDir}/identity.json certifies the other keys and is not needed to run: move it offline once validator.json is exported`,
  );
}

export async function showKeys(options: ShowOptions, terminal: Terminal): Promise<undefined> {
  const crypto = commandBackend();
  const keys = await readPublicKeys(crypto, options.keysDir);
  if (options.export !== undefined) await exportKeys(options.export, options, keys);
  terminal.result(summary(crypto, keys), columns(Object.entries(summary(crypto, keys))));
  if (options.export !== undefined) terminal.note(`written: ${options.export}`);
}

export async function rotateLink(options: RotateOptions, terminal: Terminal): Promise<undefined> {
  const { keysDir, genesisFile, passphraseFile } = options;
  const crypto = commandBackend();
  const { genesis } = await readGenesisFiles(crypto.hasher, genesisFile);
  const days = integerOption('--days', options.days, 1, MAX_DAYS) ?? DEFAULT_DAYS;
  const passphrase = await readPassphrase(passphraseFile, { isNew: false });
  const identityPassphrase = await readPassphrase(options.identityPassphraseFile ?? passphraseFile, { isNew: false });
  const identityFile = options.identity ?? keystoreFile(keysDir, 'identity');
  const rotation = { keysDir, identityFile, identityPassphrase, passphrase, days };
  const { sequence, notAfterMs, key } = await rotateLinkKey(crypto, genesis, rotation);
  passphrase.wipe();
  identityPassphrase.wipe();
  const result = {
    sequence,
    certifiedUntil: new Date(notAfterMs).toISOString(),
    linkFingerprint: toHex(crypto.hasher.hash('key', key)),
  };
  terminal.result(result, columns(Object.entries(result)));
  terminal.note('a running validator takes it in use at the signal SIGUSR2, or when it starts the next time');
}

export async function generateAccount({ out, passphraseFile }: AccountOptions, terminal: Terminal): Promise<undefined> {
  const crypto = commandBackend();
  if (await exists(out))
    throw new CliError('FILE_EXISTS', `${out} is there already: move it away or name another`, { path: out });
  const passphrase = await readPassphrase(passphraseFile, { isNew: true });
  const { address, publicKey } = await generateAccountKey(crypto, out, passphrase);
  passphrase.wipe();
  terminal.result({ address, publicKey: toHex(publicKey), keyFile: out }, [address]);
}

export async function backup(
  { keysDir, out }: { readonly keysDir: string; readonly out: string },
  terminal: Terminal,
): Promise<undefined> {
  const files = await backupKeys(keysDir, out);
  terminal.result({ backup: out, files }, [`${files.join(', ')} in ${out}`]);
  terminal.warn(
    'the sign guard is not in it, and must never be restored: where it is lost, start with --recover-identity',
  );
}

export async function restoreBackup(
  file: string,
  { keysDir }: { readonly keysDir: string },
  terminal: Terminal,
): Promise<undefined> {
  const files = await importKeys(file, keysDir);
  terminal.result({ keysDir, files }, [`${files.join(', ')} in ${keysDir}`]);
  terminal.warn('these keys may run in one place only: see to it that the process that had them has ended');
}

async function exportKeys(path: string, { name, address, power }: ShowOptions, keys: PublicKeys): Promise<void> {
  if (name === undefined || address === undefined) {
    throw new CliError('USAGE', '--export also needs --name and --address', { option: '--export' });
  }
  const votes = integerOption('--power', power, 1, MAX_POWER) ?? 1;
  await createFile(path, encodeValidatorFile({ ...keys, name, address, power: votes }));
}

/** Whole keys have 5,184 digits; a person compares fingerprints. */
function summary({ hasher }: CryptoBackend, keys: PublicKeys): Record<string, string> {
  const fingerprint = (key: Uint8Array): string => toHex(hasher.hash('key', key));
  return {
    validatorId: keys.validatorId,
    peerId: keys.peerId,
    identityFingerprint: fingerprint(keys.identityKey),
    consensusFingerprint: fingerprint(keys.consensusKey),
    linkFingerprint: fingerprint(keys.linkKey),
  };
}
