import { blake3Hasher } from '../../../src/crypto/blake3.ts';
import { defaultParameters } from '../../../src/params/protocol-parameters.ts';
import {
  Admission,
  type AdmissionOptions,
  DEFAULT_ADMISSION_OPTIONS,
  INVALID,
  type MempoolOptions,
  SignatureGate,
  type SignatureVerifier,
  UNCHECKED,
  VALID,
} from '../../../src/pipeline/index.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import type { SignedBody } from '../../../src/types/payload.ts';
import type { DataAnchor } from '../../../src/types/transaction.ts';
import { encodeTransactionBody } from '../../../src/types/transaction-codec.ts';
import { NO_INSTRUMENTS } from '../../../src/util/instruments.ts';
import { mempoolFixture } from './mempool-fixture.ts';
import { ALICE, BOB, NOW_MS, TestAccounts } from './test-accounts.ts';

export const PARAMETERS = { ...defaultParameters(4), feeBase: 100n, feePerByte: 1n };

/** Signatures that begin with 1 are good. While `held`, verdicts wait for `release`. */
export class TestVerifier implements SignatureVerifier {
  verified = 0;
  held = false;
  broken = false;
  #waiting: (() => void)[] = [];

  async verify(items: readonly SignedBody[]): Promise<Uint8Array> {
    this.verified += items.length;
    if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return Uint8Array.from(items, (item) => (this.broken ? UNCHECKED : item.signature[0] === 1 ? VALID : INVALID));
  }

  release(): void {
    this.held = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A transaction that admission accepts. */
export function anchor(change: Partial<DataAnchor> = {}): DataAnchor {
  const data = Uint8Array.of(1, 2, 3);
  const envelope = { sender: ALICE, keyVersion: 0, nonce: 0, expiryMs: NOW_MS + 60_000, fee: 10_000n };
  return { kind: 'data-anchor', ...envelope, data, ...change };
}

export function signed(transaction = anchor(), variant = 0): SignedBody {
  return { body: encodeTransactionBody(transaction), signature: signature(1, variant) };
}

/** The same body beside garbage. */
export function forged(transaction = anchor(), variant = 0): SignedBody {
  return { body: encodeTransactionBody(transaction), signature: signature(0, variant) };
}

function signature(first: number, variant: number): Uint8Array {
  const bytes = new Uint8Array(SIGNATURE_BYTES);
  bytes.set([first, variant & 0xff, variant >> 8]);
  return bytes;
}

export function admissionFixture(
  options: Partial<AdmissionOptions> = {},
  mempoolOptions: Partial<MempoolOptions> = {},
) {
  const accounts = new TestAccounts().set(ALICE).set(BOB);
  const verifier = new TestVerifier();
  const time = { wall: NOW_MS, monotonic: 0 };
  const clock = { wallMs: () => time.wall, monotonicMs: () => time.monotonic };
  const { mempool } = mempoolFixture(mempoolOptions, accounts);
  const settings = { ...DEFAULT_ADMISSION_OPTIONS, rejectedKeys: 1_000, ...options };
  const signatures = new SignatureGate(settings, verifier);
  const modules = { hasher: blake3Hasher, accounts, mempool, signatures, clock, instruments: NO_INSTRUMENTS };
  return { admission: new Admission(settings, PARAMETERS, modules), accounts, verifier, mempool, signatures, time };
}
