import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import { decodeReceipt } from '../../../src/types/receipt.ts';
import { decodeStatement } from '../../../src/types/statement.ts';
import { decodeTransactionBody } from '../../../src/types/transaction-codec.ts';
import { DecodeError } from '../../../src/util/byte-reader.ts';
import { ledgerVectors, sampleReceipts, sampleStatement, sampleTransactions } from './golden.ts';

const load = (file: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8'));

interface Bytes {
  readonly bytes: string;
}

describe('golden vectors of the ledger (Rust reads the same files)', () => {
  const made = ledgerVectors(nobleBackend().hasher);

  for (const file of Object.keys(made)) {
    it(`${file} is what the codec and the model make`, () => {
      assert.deepEqual(made[file], load(file), 'a format changed: see test/vectors/ledger/make-golden.ts');
    });
  }

  it('transaction bodies decode to what they were made of', () => {
    const { vectors } = load('transactions.json') as { vectors: { name: string; body: string }[] };
    const decoded = vectors.map(({ name, body }) => [name, decodeTransactionBody(Uint8Array.fromHex(body))]);
    assert.deepEqual(Object.fromEntries(decoded), sampleTransactions());
  });

  it('every broken body is refused with its code', () => {
    const vectors = load('refused.json') as { name: string; body: string; code: string }[];
    assert.ok(vectors.length > 20);
    for (const { name, body, code } of vectors) {
      assert.throws(
        () => decodeTransactionBody(Uint8Array.fromHex(body)),
        (error) => error instanceof DecodeError && error.code === code,
        name,
      );
    }
  });

  it('receipts and statements decode to what they were made of', () => {
    const receipts = (load('receipts.json') as Bytes[]).map(({ bytes }) => decodeReceipt(Uint8Array.fromHex(bytes)));
    assert.deepEqual(receipts, sampleReceipts());
    const { open } = load('statement.json') as { open: Bytes };
    assert.deepEqual(decodeStatement(Uint8Array.fromHex(open.bytes)), sampleStatement());
  });
});
