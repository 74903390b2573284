/** Calls into the addon must not keep memory: `node --expose-gc bench/crypto/memory.ts`; exit 1 when they do. */
import { setImmediate } from 'node:timers/promises';
import { nativeBackend } from '../../src/crypto/native.ts';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import { utf8 } from '../../src/util/bytes.ts';

const HASH_CALLS = 100_000;
const SIGN_CALLS = 2_000;
/** Noise of the allocator and the garbage collector; 100,000 leaked digests with their headers would be 10 MiB or more. */
const MAX_GROWTH_MIB = 8;

const { hasher, signerFromSeed, verifier, kem } = nativeBackend();
const input = new Uint8Array(200);

const cases: Readonly<Record<string, () => unknown>> = {
  hash: () => repeat(HASH_CALLS, () => hasher.hash('tx', input)),
  'hash of parts': () => repeat(HASH_CALLS, () => hasher.hash('wire', input, input)),
  stream: () => repeat(HASH_CALLS, () => hasher.stream('log').update(input).digest()),
  'sign and verify': async () => {
    for (let i = 0; i < SIGN_CALLS; i++) {
      const { publicKey, sign } = signerFromSeed(SecretBytes.random(32));
      await verifier.verify(publicKey, utf8('bench'), input, await sign(utf8('bench'), input));
    }
  },
  'key encapsulation': () => repeat(SIGN_CALLS, () => kem.encapsulate(kem.generateKeyPair().publicKey)),
};

for (const [name, run] of Object.entries(cases)) {
  await run(); // warms up: code, pools and the random generator are allocated once
  const before = await residentMiB();
  await run();
  const growth = (await residentMiB()) - before;
  console.log(`${name.padEnd(20)} ${growth.toFixed(1).padStart(6)} MiB`);
  if (growth > MAX_GROWTH_MIB) process.exitCode = 1;
}

function repeat(count: number, call: () => unknown): void {
  for (let i = 0; i < count; i++) call();
}

/** Native memory goes in finalizers, which run in a turn of the event loop after the collection. */
async function residentMiB(): Promise<number> {
  globalThis.gc?.();
  await setImmediate();
  return process.memoryUsage.rss() / 2 ** 20;
}
