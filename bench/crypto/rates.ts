/** Rates of every backend on one core: `node bench/crypto/rates.ts [seconds per figure]`. */
import { loadAddon } from '../../src/addon/load-addon.ts';
import type { CryptoBackend } from '../../src/crypto/backend.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { nobleBackend } from '../../src/crypto/noble.ts';
import { nodeBackend } from '../../src/crypto/node.ts';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import type { SignedMessage } from '../../src/crypto/signer.ts';
import { utf8 } from '../../src/util/bytes.ts';

const MESSAGE_BYTES = 200;
const BATCH = 256;
const seconds = Number(process.argv[2] ?? 1);

const context = utf8('av10/bench/1/');
const message = new Uint8Array(MESSAGE_BYTES);

await measureAddon();
for (const backend of [nativeBackend(), nodeBackend(), nobleBackend()]) await measureBackend(backend);

async function measureAddon(): Promise<void> {
  const addon = loadAddon();
  const key = addon.mlDsaKeyFromSeed(new Uint8Array(32));
  const publicKey = addon.mlDsaPublicKey(key);
  const signature = addon.mlDsaSignSync(key, context, message);
  await rate('addon, one thread: verify', () => addon.mlDsaVerifySync(publicKey, context, message, signature));
  await rate('addon, one thread: sign', (i) => addon.mlDsaSignSync(key, context, numbered(i)));
  await rate('addon, one thread: keygen', (i) => addon.mlDsaKeyFromSeed(numbered(i).subarray(0, 32)));
}

async function measureBackend(backend: CryptoBackend): Promise<void> {
  const { name, hasher, verifier, kem } = backend;
  const signer = backend.signerFromSeed(SecretBytes.random(32));
  const signature = await signer.sign(context, message);
  const item: SignedMessage = { publicKey: signer.publicKey, context, message, signature };
  const batch = Array<SignedMessage>(BATCH).fill(item);
  await rate(`${name}: verifyMany, each of ${BATCH}`, () => verifier.verifyMany(batch), BATCH);
  await rate(`${name}: sign, one at a time`, (i) => signer.sign(context, numbered(i)));
  await rate(`${name}: hash ${MESSAGE_BYTES} B`, () => hasher.hash('tx', message));

  const pair = kem.generateKeyPair();
  const { ciphertext } = kem.encapsulate(pair.publicKey);
  await rate(`${name}: KEM keygen`, () => kem.generateKeyPair());
  await rate(`${name}: encapsulate`, () => kem.encapsulate(pair.publicKey));
  await rate(`${name}: decapsulate from seed`, () => kem.decapsulate(pair.seed, ciphertext));
}

function numbered(i: number): Uint8Array {
  new DataView(message.buffer).setUint32(0, i);
  return message;
}

async function rate(label: string, call: (i: number) => unknown, itemsPerCall = 1): Promise<void> {
  await call(0);
  const start = performance.now();
  const end = start + seconds * 1000;
  let calls = 0;
  while (performance.now() < end) {
    const result = call(calls++);
    if (result instanceof Promise) await result;
  }
  const perSecond = (calls * itemsPerCall * 1000) / (performance.now() - start);
  const us = 1_000_000 / perSecond;
  console.log(`${label.padEnd(34)} ${perSecond.toFixed(0).padStart(10)} /s ${us.toFixed(2).padStart(10)} us`);
}
