import { argon2, createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { isHex, toHex, utf8 } from '../util/bytes.ts';
import { CodedError } from '../util/errors.ts';
import { requireLength } from './errors.ts';
import { SecretBytes } from './secret-bytes.ts';
import { PUBLIC_KEY_BYTES, SEED_BYTES } from './signer.ts';

/** What the key inside is for; a key is used for one purpose only (`docs/spec/cryptography.md`). */
export const KEY_PURPOSES = ['identity', 'consensus', 'link', 'account'] as const;

export type KeyPurpose = (typeof KEY_PURPOSES)[number];

export type KeystoreErrorCode =
  /** Not a keystore of this version. Fields: field. */
  | 'KEYSTORE_FORMAT'
  /** The passphrase is wrong, or the file was changed: authenticated encryption cannot tell which. */
  | 'KEYSTORE_PASSPHRASE';

/** The part of a keystore that is readable without a passphrase, and authenticated with it. */
export interface KeystoreLabel {
  readonly purpose: KeyPurpose;
  readonly publicKey: Uint8Array;
  /** Lower-case hexadecimal of 32 bytes: the validator id, or the address of an account. */
  readonly id: string;
}

export interface KeystoreContent extends KeystoreLabel {
  readonly seed: SecretBytes;
}

/** Cost of argon2id (RFC 9106), recorded in the file so that it can grow over the years. */
export interface Argon2Cost {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
}

/** The second recommendation of RFC 9106 section 4 with a single lane: 64 MiB, about 0.2 s. */
export const DEFAULT_COST: Argon2Cost = { memoryKiB: 64 * 1024, passes: 3, lanes: 1 };

/** Bounds on what a file may ask of its reader: 1 GiB and some seconds; below 8 MiB the passphrase is hardly guarded. */
const COST_LIMITS = { memoryKiB: [8 * 1024, 1024 * 1024], passes: [1, 16], lanes: [1, 16] } as const;

/** A file has 6 kB; anything larger is something else and is not parsed. */
export const MAX_KEYSTORE_BYTES = 16 * 1024;

const VERSION = 1;
const KDF = 'argon2id';
const CIPHER = 'aes-256-gcm';
const ID_BYTES = 32;
const SALT_BYTES = 32;
const CIPHER_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const FILE_FIELDS = ['version', 'purpose', 'publicKey', 'id', 'kdf', 'cipher'];
const KDF_FIELDS = ['name', 'memoryKiB', 'passes', 'lanes', 'salt'];
const CIPHER_FIELDS = ['name', 'nonce', 'ciphertext', 'tag'];

/** The file bytes that keep `content.seed` under `passphrase`. Writing them with mode 0600 is the caller's part. */
export async function encodeKeystore(
  content: KeystoreContent,
  passphrase: SecretBytes,
  cost: Argon2Cost = DEFAULT_COST,
): Promise<Uint8Array> {
  requireLength('ML-DSA-87 seed', content.seed, SEED_BYTES);
  const label = parseLabel({ purpose: content.purpose, publicKey: toHex(content.publicKey), id: content.id });
  const kdf = parseKdf({ name: KDF, ...cost, salt: toHex(randomBytes(SALT_BYTES)) });
  const nonce = randomBytes(NONCE_BYTES);
  const key = await deriveKey(passphrase, kdf);
  const cipher = createCipheriv(CIPHER, key.reveal(), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(authenticated(label, kdf));
  const ciphertext = cipher.update(content.seed.reveal());
  cipher.final();
  key.wipe();
  const sealed = { name: CIPHER, nonce: toHex(nonce), ciphertext: toHex(ciphertext), tag: toHex(cipher.getAuthTag()) };
  return utf8(`${JSON.stringify({ version: VERSION, ...label, kdf, cipher: sealed }, null, 2)}\n`);
}

/** Reads the readable part. It is not authenticated until `openKeystore` succeeds. Throws KEYSTORE_FORMAT. */
export function readKeystoreLabel(bytes: Uint8Array): KeystoreLabel {
  return toLabel(parse(bytes));
}

/** Decrypts the seed. Throws KEYSTORE_FORMAT or KEYSTORE_PASSPHRASE. */
export async function openKeystore(bytes: Uint8Array, passphrase: SecretBytes): Promise<KeystoreContent> {
  const file = parse(bytes);
  const key = await deriveKey(passphrase, file.kdf);
  try {
    const decipher = createDecipheriv(CIPHER, key.reveal(), Uint8Array.fromHex(file.cipher.nonce), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(authenticated(file, file.kdf));
    decipher.setAuthTag(Uint8Array.fromHex(file.cipher.tag));
    const plain = decipher.update(Uint8Array.fromHex(file.cipher.ciphertext));
    const seed = new SecretBytes(Uint8Array.from(plain));
    plain.fill(0);
    decipher.final();
    return { ...toLabel(file), seed };
  } catch (cause) {
    const message = 'the passphrase is wrong, or the file was changed';
    throw new CodedError<KeystoreErrorCode>('KEYSTORE_PASSPHRASE', message, { id: file.id }, { cause });
  } finally {
    key.wipe();
  }
}

interface LabelText {
  readonly purpose: KeyPurpose;
  readonly publicKey: string;
  readonly id: string;
}

interface Kdf extends Argon2Cost {
  readonly name: typeof KDF;
  readonly salt: string;
}

interface KeystoreFile extends LabelText {
  readonly version: typeof VERSION;
  readonly kdf: Kdf;
  readonly cipher: {
    readonly name: typeof CIPHER;
    readonly nonce: string;
    readonly ciphertext: string;
    readonly tag: string;
  };
}

function toLabel({ purpose, publicKey, id }: LabelText): KeystoreLabel {
  return { purpose, publicKey: Uint8Array.fromHex(publicKey), id };
}

function deriveKey(passphrase: SecretBytes, kdf: Kdf): Promise<SecretBytes> {
  const parameters = {
    message: passphrase.reveal(),
    nonce: Uint8Array.fromHex(kdf.salt),
    parallelism: kdf.lanes,
    memory: kdf.memoryKiB,
    passes: kdf.passes,
    tagLength: CIPHER_KEY_BYTES,
  };
  return new Promise((resolve, reject) => {
    argon2(kdf.name, parameters, (error, key) => (error ? reject(error) : resolve(new SecretBytes(key))));
  });
}

/** Everything readable, one value a line: no value contains a line break, so no two files share these bytes. */
function authenticated(label: LabelText, kdf: Kdf): Uint8Array {
  const cost = [kdf.name, kdf.memoryKiB, kdf.passes, kdf.lanes, kdf.salt];
  return utf8(['av10 keystore', VERSION, label.purpose, label.publicKey, label.id, ...cost, CIPHER].join('\n'));
}

function parse(bytes: Uint8Array): KeystoreFile {
  const { version, kdf, cipher, ...label } = members(parseJson(bytes), '', FILE_FIELDS);
  return {
    version: oneOf(version, 'version', [VERSION]),
    ...parseLabel(label),
    kdf: parseKdf(kdf),
    cipher: parseCipher(cipher),
  };
}

function parseLabel({ purpose, publicKey, id }: Readonly<Record<string, unknown>>): LabelText {
  return {
    purpose: oneOf(purpose, 'purpose', KEY_PURPOSES),
    publicKey: hex(publicKey, 'publicKey', PUBLIC_KEY_BYTES),
    id: hex(id, 'id', ID_BYTES),
  };
}

function parseKdf(value: unknown): Kdf {
  const { name, memoryKiB, passes, lanes, salt } = members(value, 'kdf.', KDF_FIELDS);
  return {
    name: oneOf(name, 'kdf.name', [KDF]),
    memoryKiB: within(memoryKiB, 'kdf.memoryKiB', COST_LIMITS.memoryKiB),
    passes: within(passes, 'kdf.passes', COST_LIMITS.passes),
    lanes: within(lanes, 'kdf.lanes', COST_LIMITS.lanes),
    salt: hex(salt, 'kdf.salt', SALT_BYTES),
  };
}

function parseCipher(value: unknown): KeystoreFile['cipher'] {
  const { name, nonce, ciphertext, tag } = members(value, 'cipher.', CIPHER_FIELDS);
  return {
    name: oneOf(name, 'cipher.name', [CIPHER]),
    nonce: hex(nonce, 'cipher.nonce', NONCE_BYTES),
    ciphertext: hex(ciphertext, 'cipher.ciphertext', SEED_BYTES),
    tag: hex(tag, 'cipher.tag', TAG_BYTES),
  };
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_KEYSTORE_BYTES) throw malformed('', `a keystore has at most ${MAX_KEYSTORE_BYTES} bytes`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed('', 'a keystore is JSON', cause);
  }
}

function members(value: unknown, path: string, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(path, 'an object is expected');
  for (const name of Object.keys(value))
    if (!names.includes(name)) throw malformed(path + name, 'is not a known field');
  return value as Record<string, unknown>;
}

function oneOf<T extends string | number>(value: unknown, field: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw malformed(field, `must be one of ${allowed.join(', ')}`);
  return found;
}

function hex(value: unknown, field: string, byteLength: number): string {
  if (typeof value !== 'string' || !isHex(value, byteLength)) {
    throw malformed(field, `must be ${byteLength} bytes in lower-case hexadecimal`);
  }
  return value;
}

function within(value: unknown, field: string, [min, max]: readonly [number, number]): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw malformed(field, `must be an integer from ${min} to ${max}`);
  }
  return value;
}

function malformed(field: string, problem: string, cause?: unknown): CodedError<KeystoreErrorCode> {
  const message = field === '' ? problem : `${field} ${problem}`;
  return new CodedError('KEYSTORE_FORMAT', message, { field }, { cause });
}
