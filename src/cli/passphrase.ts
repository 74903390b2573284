import { SecretBytes } from '../crypto/secret-bytes.ts';
import { CliError } from './errors.ts';
import { readSecretFile } from './files.ts';

/** A line that somebody types or pastes; more is a wrong file. */
const MAX_PASSPHRASE_BYTES = 1_024;
const CONTROL_C = 0x03;
const CONTROL_D = 0x04;
const BACKSPACES: readonly number[] = [0x08, 0x7f];
const LINE_ENDS: readonly number[] = [0x0a, 0x0d];

/**
 * The passphrase from a file or, without one, typed at the terminal and not shown. Never from an argument or the environment, where other
 * processes and logs would see it. `isNew` asks twice.
 * @throws CliError PASSPHRASE_MISSING, PASSPHRASE_UNUSABLE, FILE_MODE, FILE_UNREADABLE, INTERRUPTED
 */
export async function readPassphrase(
  file: string | undefined,
  options: { readonly isNew: boolean },
): Promise<SecretBytes> {
  if (file !== undefined && file !== '') return fromFile(file);
  if (!process.stdin.isTTY) {
    throw new CliError('PASSPHRASE_MISSING', 'no terminal to ask at: name a file with --passphrase-file');
  }
  const passphrase = usable(await ask('Passphrase: '));
  if (!options.isNew) return passphrase;
  const again = await ask('The same again: ');
  const isSame = Buffer.compare(again, passphrase.reveal()) === 0;
  again.fill(0);
  if (!isSame) throw new CliError('PASSPHRASE_UNUSABLE', 'the two are different: nothing was written');
  return passphrase;
}

/** The first line: an editor's line break at the end does not belong to it. */
async function fromFile(path: string): Promise<SecretBytes> {
  const bytes = await readSecretFile(path);
  const end = bytes.findIndex((byte) => LINE_ENDS.includes(byte));
  const passphrase = usable(bytes.slice(0, end < 0 ? bytes.length : end));
  bytes.fill(0);
  return passphrase;
}

function usable(bytes: Uint8Array): SecretBytes {
  if (bytes.length > 0 && bytes.length <= MAX_PASSPHRASE_BYTES) return new SecretBytes(bytes);
  throw new CliError('PASSPHRASE_UNUSABLE', `a passphrase has 1 to ${MAX_PASSPHRASE_BYTES} bytes, got ${bytes.length}`);
}

/** One line in raw mode: the terminal echoes nothing, and hands over Ctrl-C as a byte. */
function ask(question: string): Promise<Uint8Array> {
  const { stdin, stderr } = process;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const typed: number[] = [];
  const onByte = (byte: number): 'more' | 'end' => {
    if (byte === CONTROL_C) reject(new CliError('INTERRUPTED', 'interrupted: nothing was written'));
    else if (LINE_ENDS.includes(byte) || byte === CONTROL_D) resolve(Uint8Array.from(typed));
    else {
      if (BACKSPACES.includes(byte)) typed.pop();
      else if (typed.length <= MAX_PASSPHRASE_BYTES) typed.push(byte);
      return 'more';
    }
    return 'end';
  };
  const onData = (chunk: Buffer): void => {
    if (!chunk.some((byte) => onByte(byte) === 'end')) return;
    stdin.off('data', onData).setRawMode(false).pause();
    stderr.write('\n');
  };
  stderr.write(question);
  stdin.setRawMode(true).on('data', onData).resume();
  return promise;
}
