/**
 * CPU of a verification by the batch entry, and how many times AWS-LC takes: `node bench/crypto/verifier.ts [rounds]`.
 * Copies into native memory, the hash that names a key and the confirmation of one acceptance in a hundred are in the
 * figures. What the parts cost is printed by
 * `cargo test --release --manifest-path native/Cargo.toml -p av10-core --features measure shares -- --nocapture`.
 */
import { cpus } from 'node:os';
import { loadAddon } from '../../src/addon/load-addon.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import { MAX_VERIFY_BATCH, SEED_BYTES, type SignedMessage } from '../../src/crypto/signer.ts';
import { utf8 } from '../../src/util/bytes.ts';

const MESSAGE_BYTES = 200;
/** Of a transfer batch of 8,192. */
const LONG_MESSAGE_BYTES = 98_000;
const KEYS = 1_000;
/** More than are kept: each is a stranger again when its turn comes. */
const STRANGERS = 4_000;
const AWS_LC_CALLS = 2_000;
const rounds = Number(process.argv[2] ?? 7);

const addon = loadAddon();
const backend = nativeBackend();
const context = utf8('av10/bench/1/0123456789abcdef0123456789abcdef');

const one = await signedBy(1, MESSAGE_BYTES, MAX_VERIFY_BATCH);
const many = await signedBy(KEYS, MESSAGE_BYTES, KEYS);
const strangers = await signedBy(STRANGERS, MESSAGE_BYTES, STRANGERS);
const long = await signedBy(8, LONG_MESSAGE_BYTES, 256);

/** Each measures AWS-LC and the batches one after the other, so that both meet the same moments of the machine. */
const cases: readonly { name: string; items: readonly SignedMessage[] }[] = [
  { name: 'one kept key', items: one },
  { name: `${KEYS} kept keys`, items: many },
  { name: 'fresh keys', items: strangers },
  { name: `one of 8 kept keys, ${LONG_MESSAGE_BYTES} B`, items: long },
];

console.log(`${cpus()[0]?.model}, verifiers ${addon.mlDsaVerifiers().join(', ')}, median of ${rounds}`);
for (const { name, items } of cases) {
  await batches(items);
  const figures: { awsLc: number; own: number; ratio: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const awsLc = await cpuMicroseconds(AWS_LC_CALLS, () => byAwsLc(items));
    const own = await cpuMicroseconds(items.length, () => batches(items));
    figures.push({ awsLc, own, ratio: awsLc / own });
  }
  const { awsLc, own, ratio } = median(figures);
  console.log(`${name.padEnd(32)} ${own.toFixed(1)} us, AWS-LC ${awsLc.toFixed(1)} us, ratio ${ratio.toFixed(2)}`);
}

async function signedBy(keys: number, messageBytes: number, count: number): Promise<SignedMessage[]> {
  const signers = Array.from({ length: keys }, () => backend.signerFromSeed(SecretBytes.random(SEED_BYTES)));
  const items: SignedMessage[] = [];
  for (let i = 0; i < count; i++) {
    const { publicKey, sign } = signers[i % keys] as (typeof signers)[number];
    const message = new Uint8Array(messageBytes);
    new DataView(message.buffer).setUint32(0, i);
    items.push({ publicKey, context, message, signature: await sign(context, message) });
  }
  return items;
}

async function batches(items: readonly SignedMessage[]): Promise<void> {
  for (let start = 0; start < items.length; start += MAX_VERIFY_BATCH) {
    const verdicts = await backend.verifier.verifyMany(items.slice(start, start + MAX_VERIFY_BATCH));
    if (verdicts.includes(0)) throw new Error('a valid signature was rejected');
  }
}

function byAwsLc(items: readonly SignedMessage[]): void {
  for (let i = 0; i < AWS_LC_CALLS; i++) {
    const { publicKey, context, message, signature } = items[i % items.length] as SignedMessage;
    addon.mlDsaVerifySync(publicKey, context, message, signature);
  }
}

async function cpuMicroseconds(count: number, work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

function median<T extends { ratio: number }>(figures: readonly T[]): T {
  return [...figures].sort((a, b) => a.ratio - b.ratio)[figures.length >>> 1] as T;
}
