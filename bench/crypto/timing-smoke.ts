/**
 * Does the time of a secret operation tell the secret? `node bench/crypto/timing-smoke.ts [samples]`, 10^6 by default.
 * Welch's t between two classes drawn at random; |t| >= 4.5 exits 1. A smoke test: it finds gross leaks, it proves
 * nothing. Signing is compared between two keys (its time varies with the rejected tries, whose number does not depend
 * on the key), decapsulation between valid and rejected ciphertexts.
 */
import { loadAddon } from '../../src/addon/load-addon.ts';
import { utf8 } from '../../src/util/bytes.ts';
import { Prng } from '../../src/util/prng.ts';

const THRESHOLD = 4.5;
/** Interrupts and collections are no part of the operation. */
const KEPT_SHARE = 0.95;
const samples = Number(process.argv[2] ?? 1_000_000);

const addon = loadAddon();
const prng = new Prng(Date.now());
const context = utf8('bench');
const keys = [1, 2].map((fill) => addon.mlDsaKeyFromSeed(new Uint8Array(32).fill(fill)));
const kemSeed = new Uint8Array(64).fill(3);
const valid = addon.mlKemEncapsulate(addon.mlKemPublicKey(kemSeed)).slice(0, 1568);
const rejected = valid.map((byte, i) => (i === 700 ? byte ^ 1 : byte));

const signed = [keys[0], keys[1]] as const;
compare('sign', (which) => addon.mlDsaSignSync(signed[which] as (typeof keys)[number], context, prng.bytes(64)));
const ciphertexts = [valid, rejected] as const;
compare('decapsulate', (which) => addon.mlKemDecapsulate(kemSeed, ciphertexts[which]));

function compare(name: string, operation: (which: 0 | 1) => unknown): void {
  for (let i = 0; i < 1000; i++) operation(prng.below(2) as 0 | 1);
  const times = [new Float64Array(samples), new Float64Array(samples)] as const;
  const counts: [number, number] = [0, 0];
  for (let i = 0; i < samples; i++) {
    const which = prng.below(2) as 0 | 1;
    const start = process.hrtime.bigint();
    operation(which);
    times[which][counts[which]++] = Number(process.hrtime.bigint() - start);
  }
  const classes = times.map((list, which) => list.subarray(0, counts[which as 0 | 1]));
  const t = welch(cropped(classes));
  console.log(`${name.padEnd(12)} ${samples} samples, t = ${t.toFixed(2)}`);
  if (Math.abs(t) >= THRESHOLD) process.exitCode = 1;
}

function cropped(classes: readonly Float64Array[]): Float64Array[] {
  const all = Float64Array.from(classes.flatMap((list) => [...list])).sort();
  const limit = all[Math.floor(all.length * KEPT_SHARE)] as number;
  return classes.map((list) => list.filter((time) => time <= limit));
}

function welch(classes: readonly Float64Array[]): number {
  const [a, b] = classes.map((list) => {
    const mean = list.reduce((sum, time) => sum + time, 0) / list.length;
    const variance = list.reduce((sum, time) => sum + (time - mean) ** 2, 0) / (list.length - 1);
    return { mean, error: variance / list.length };
  });
  if (a === undefined || b === undefined) throw new Error('two classes expected');
  return (a.mean - b.mean) / Math.sqrt(a.error + b.error);
}
