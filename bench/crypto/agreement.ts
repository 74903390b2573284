/**
 * Do the verifiers of the addon judge as AWS-LC, OpenSSL and noble do? `node bench/crypto/agreement.ts [count] [seed]`: so
 * many valid and broken signatures, 10^6 by default, the first 10^5 by OpenSSL too and the first 5,000 by noble. Exit 1 if
 * any is judged otherwise than it was made.
 */
import { loadAddon } from '../../src/addon/load-addon.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { nobleBackend } from '../../src/crypto/noble.ts';
import { nodeBackend } from '../../src/crypto/node.ts';
import type { SignedMessage } from '../../src/crypto/signer.ts';
import { Prng } from '../../src/util/prng.ts';
import { drawSamples, type Sample } from '../../test/unit/crypto/signature-samples.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32);
const OPENSSL_COUNT = Math.min(count, 100_000);
const NOBLE_COUNT = Math.min(count, 5_000);
const BATCH = 512;

type Judge = (items: readonly SignedMessage[]) => Promise<ArrayLike<number>>;

const addon = loadAddon();
const backend = nativeBackend();
const judges: { readonly name: string; readonly limit: number; readonly judge: Judge; judged: number }[] = [
  ...addon.mlDsaVerifiers().map((name, index) => ({ name, limit: count, judge: addonJudge(index), judged: 0 })),
  { name: 'AWS-LC', limit: count, judge: byAwsLc, judged: 0 },
  { name: 'OpenSSL', limit: OPENSSL_COUNT, judge: nodeBackend().verifier.verifyMany, judged: 0 },
  { name: 'noble', limit: NOBLE_COUNT, judge: nobleBackend().verifier.verifyMany, judged: 0 },
];

console.log(`${count} signatures, seed ${seed}`);
const prng = new Prng(seed);
let made = 0;
let wrong = 0;
while (made < count) {
  const batch: Sample[] = [];
  while (batch.length < BATCH) batch.push(...(await drawSamples(backend, prng)));
  batch.length = Math.min(batch.length, count - made);
  await Promise.all(judges.filter((judge) => made < judge.limit).map((judge) => compare(judge, batch)));
  made += batch.length;
}
for (const { name, judged } of judges) console.log(`${name.padEnd(10)} ${judged} judged`);
console.log(wrong === 0 ? 'all as they were made' : `${wrong} misjudged`);
process.exitCode = wrong === 0 ? 0 : 1;

async function compare(judge: (typeof judges)[number], batch: readonly Sample[]): Promise<void> {
  const samples = batch.slice(0, judge.limit - judge.judged);
  const verdicts = await judge.judge(samples.map((sample) => sample.item));
  judge.judged += samples.length;
  for (const [i, { what, isValid }] of samples.entries()) {
    if (verdicts[i] === Number(isValid)) continue;
    wrong++;
    console.log(`${judge.name} misjudges: ${what}, near ${made + i}`);
  }
}

function addonJudge(index: number): Judge {
  return (items) =>
    addon.mlDsaVerdicts(
      index,
      items.map((item) => item.publicKey),
      items.map((item) => item.context),
      items.map((item) => item.message),
      items.map((item) => item.signature),
    );
}

async function byAwsLc(items: readonly SignedMessage[]): Promise<number[]> {
  return items.map(({ publicKey, context, message, signature }) =>
    Number(addon.mlDsaVerifySync(publicKey, context, message, signature)),
  );
}
