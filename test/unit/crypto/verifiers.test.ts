/** Every verifier of the addon against AWS-LC, OpenSSL and noble. `bench/crypto/agreement.ts` is the long version. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadAddon } from '../../../src/addon/load-addon.ts';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { Prng } from '../../../src/util/prng.ts';
import { drawSamples, type Sample } from './signature-samples.ts';

const ROUNDS = 24;
/** A verification by noble takes 40 times as long as one by AWS-LC. */
const NOBLE_SAMPLES = 2 * 17;

const addon = loadAddon();
const backend = nativeBackend();
const drawn = globalThis.crypto.getRandomValues(new Uint32Array(1))[0] as number;
const prng = new Prng(drawn);
const samples: Sample[] = [];
for (let round = 0; round < ROUNDS; round++) samples.push(...(await drawSamples(backend, prng)));
const items = samples.map((sample) => sample.item);
const lists = [
  items.map((item) => item.publicKey),
  items.map((item) => item.context),
  items.map((item) => item.message),
  items.map((item) => item.signature),
] as const;

/** What is judged otherwise than it was made. */
function misjudged(verdicts: ArrayLike<number>): string[] {
  const wrong = Array.from(verdicts, (verdict, i) => ({ ...(samples[i] as Sample), verdict }));
  return wrong.filter(({ verdict, isValid }) => verdict !== Number(isValid)).map(({ what }) => what);
}

suite(`verifiers, seed ${drawn}`, () => {
  for (const [index, name] of addon.mlDsaVerifiers().entries()) {
    test(`${name} accepts what is valid and nothing else`, async () => {
      assert.deepEqual(misjudged(await addon.mlDsaVerdicts(index, ...lists)), []);
    });
  }

  test('the batch, of which AWS-LC confirms every rejection', async () => {
    assert.deepEqual(misjudged(await addon.mlDsaVerifyBatch(...lists)), []);
  });

  test('AWS-LC, OpenSSL and noble judge the same', async () => {
    const verdicts = items.map((item) =>
      Number(addon.mlDsaVerifySync(item.publicKey, item.context, item.message, item.signature)),
    );
    assert.deepEqual(misjudged(verdicts), []);
    assert.deepEqual(misjudged(await nodeBackend().verifier.verifyMany(items)), []);
    assert.deepEqual(misjudged(await nobleBackend().verifier.verifyMany(items.slice(0, NOBLE_SAMPLES))), []);
  });

  test('plain integers are a verifier everywhere, and the last choice', () => {
    assert.equal(addon.mlDsaVerifiers().at(-1), 'portable');
  });

  test('a verifier that is not there is refused', () => {
    assert.throws(() => addon.mlDsaVerdicts(99, [], [], [], []), { code: 'CRYPTO_UNKNOWN_VERIFIER' });
  });

  test('a key is found kept at its second signature', async () => {
    const [sample] = await drawSamples(backend, prng);
    const { publicKey, context, message, signature } = (sample as Sample).item;
    const look = async (): Promise<{ hits: number; misses: number }> => {
      const before = addon.mlDsaKeyLookups();
      await addon.mlDsaVerifyBatch([publicKey], [context], [message], [signature]);
      const after = addon.mlDsaKeyLookups();
      return { hits: after.hits - before.hits, misses: after.misses - before.misses };
    };
    assert.deepEqual(await look(), { hits: 0, misses: 1 });
    assert.deepEqual(await look(), { hits: 1, misses: 0 });
  });
});
