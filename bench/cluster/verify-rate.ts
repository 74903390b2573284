/** A worker of the calibration: verifies on one core for the time given, and says how many a second. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadAddon } from '../../src/addon/load-addon.ts';
import { SEED_BYTES } from '../../src/crypto/signer.ts';
import { utf8 } from '../../src/util/bytes.ts';

const MESSAGE_BYTES = 200;
const CALLS_BETWEEN_LOOKS = 64;

const addon = loadAddon();
const context = utf8('av10/bench/1/');
const message = new Uint8Array(MESSAGE_BYTES);
const key = addon.mlDsaKeyFromSeed(new Uint8Array(SEED_BYTES));
const publicKey = addon.mlDsaPublicKey(key);
const signature = addon.mlDsaSignSync(key, context, message);

const startMs = performance.now();
let calls = 0;
while (performance.now() - startMs < (workerData as number)) {
  for (let i = 0; i < CALLS_BETWEEN_LOOKS; i++) addon.mlDsaVerifySync(publicKey, context, message, signature);
  calls += CALLS_BETWEEN_LOOKS;
}
parentPort?.postMessage((calls / (performance.now() - startMs)) * 1_000);
