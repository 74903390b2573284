import type { Hasher } from '../crypto/hasher.ts';
import { assert } from '../util/assert.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { type Address, ID_BYTES, id, type TransactionId, type WireKey } from './ids.ts';
import { MAX_TOTAL_POWER, MAX_TRANSACTION_BYTES, MAX_TRANSFERS, PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from './limits.ts';
import {
  KIND_NUMBERS,
  MAX_ANCHOR_BYTES,
  TRANSACTION_VERSION,
  type Transaction,
  type TransactionKind,
  type TransferBatch,
  transactionKind,
} from './transaction.ts';

export const MAX_BODY_BYTES = MAX_TRANSACTION_BYTES - SIGNATURE_BYTES;

const ATOMIC = 1;
/** version, kind, sender, key version, nonce, expiry, fee */
const ENVELOPE_BYTES = 1 + 1 + ID_BYTES + 4 + 8 + 8 + 8;
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

type Envelope = Pick<Transaction, 'sender' | 'keyVersion' | 'nonce' | 'expiryMs' | 'fee'>;

/** The canonical bytes of a transaction, which are what its sender signs: docs/spec/transaction.md. */
export function encodeTransactionBody(transaction: Transaction): Uint8Array {
  const out = new ByteWriter(ENVELOPE_BYTES + payloadCapacity(transaction));
  out.u8(TRANSACTION_VERSION).u8(KIND_NUMBERS[transaction.kind]).hex(transaction.sender, ID_BYTES);
  out.u32(transaction.keyVersion).u53(transaction.nonce).u53(transaction.expiryMs).u64(transaction.fee);
  writePayload(out, transaction);
  return out.finish();
}

/**
 * Accepts exactly what {@link encodeTransactionBody} writes. What needs the ledger (does the sender exist, is the nonce next)
 * is decided when the transaction is executed.
 * @throws DecodeError
 */
export function decodeTransactionBody(bytes: Uint8Array): Transaction {
  const reader = new ByteReader(bytes);
  if (bytes.length > MAX_BODY_BYTES) throw reader.refuse('LIMIT', 'body', `at most ${MAX_BODY_BYTES} bytes allowed`);
  const { kind, ...envelope } = readEnvelope(reader);
  const transaction = readPayload(reader, kind, envelope);
  reader.end();
  return transaction;
}

/**
 * What a body states before its payload, which is not looked at: for those who only follow senders and nonces.
 * @throws DecodeError
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope & { readonly kind: TransactionKind } {
  return readEnvelope(new ByteReader(bytes));
}

export function transactionId(hasher: Hasher, body: Uint8Array): TransactionId {
  return id<TransactionId>(hasher.hash('tx', body));
}

/** Names a body with its signature: the key of every cache that precedes verification. */
export function wireKey(hasher: Hasher, txId: TransactionId, signature: Uint8Array): WireKey {
  return id<WireKey>(hasher.hash('wire', Uint8Array.fromHex(txId), hasher.hash('sig', signature)));
}

export function accountAddress(hasher: Hasher, firstPublicKey: Uint8Array): Address {
  return id<Address>(hasher.hash('address', firstPublicKey));
}

function readEnvelope(reader: ByteReader): Envelope & { readonly kind: TransactionKind } {
  if (reader.u8('version') !== TRANSACTION_VERSION) {
    throw reader.refuse('NON_CANONICAL', 'version', `version ${TRANSACTION_VERSION} expected`);
  }
  const kind = transactionKind(reader.u8('kind'));
  if (kind === undefined) throw reader.refuse('NON_CANONICAL', 'kind', 'no such kind');
  const sender = id<Address>(reader.bytes(ID_BYTES, 'sender'));
  const keyVersion = reader.u32('keyVersion');
  const nonce = reader.u53('nonce');
  const expiryMs = reader.u53('expiryMs');
  return { kind, sender, keyVersion, nonce, expiryMs, fee: reader.u64('fee') };
}

function payloadCapacity(transaction: Transaction): number {
  return transaction.kind === 'transfer-batch' ? 9 + transaction.recipients.length * 12 : PUBLIC_KEY_BYTES;
}

function writePayload(out: ByteWriter, transaction: Transaction): void {
  switch (transaction.kind) {
    case 'transfer-batch':
      writeBatch(out, transaction);
      break;
    case 'open-account':
    case 'rotate-key':
      out.fixed(transaction.publicKey, PUBLIC_KEY_BYTES);
      break;
    case 'validator-change':
      assert(transaction.power <= MAX_TOTAL_POWER, 'power within the limit of a committee');
      out.fixed(transaction.validatorId, ID_BYTES).u32(transaction.power);
      break;
    case 'data-anchor':
      assert(transaction.data.length >= 1 && transaction.data.length <= MAX_ANCHOR_BYTES, 'anchor within its limit');
      out.u16(transaction.data.length).bytes(transaction.data);
      break;
  }
}

function readPayload(reader: ByteReader, kind: TransactionKind, envelope: Envelope): Transaction {
  switch (kind) {
    case 'transfer-batch':
      return readBatch(reader, envelope);
    case 'open-account':
    case 'rotate-key':
      return { ...envelope, kind, publicKey: reader.bytes(PUBLIC_KEY_BYTES, 'publicKey') };
    case 'validator-change': {
      const validatorId = reader.bytes(ID_BYTES, 'validatorId');
      const power = reader.u32('power');
      if (power > MAX_TOTAL_POWER) throw reader.refuse('LIMIT', 'power', `at most ${MAX_TOTAL_POWER} allowed`);
      return { ...envelope, kind, validatorId, power };
    }
    case 'data-anchor': {
      const length = reader.count(reader.u16('data'), MAX_ANCHOR_BYTES, 1, 'data');
      if (length === 0) throw reader.refuse('NON_CANONICAL', 'data', 'at least one byte expected');
      return { ...envelope, kind, data: reader.bytes(length, 'data') };
    }
  }
}

function writeBatch(out: ByteWriter, batch: TransferBatch): void {
  const { recipients, amounts } = batch;
  assert(recipients.length >= 1 && recipients.length <= MAX_TRANSFERS, 'transfers within the limit of a batch');
  assert(recipients.length === amounts.length, 'an amount for each recipient');
  assert(!amounts.includes(0n), 'amounts from 1');
  const handleBytes = handleWidth(recipients);
  const amountBytes = amountWidth(amounts);
  out
    .u32(batch.asset)
    .u8(batch.atomic ? ATOMIC : 0)
    .u16(recipients.length)
    .u8(handleBytes)
    .u8(amountBytes);
  out.bytes(narrowColumn(littleEndianBytes(recipients), 4, handleBytes));
  out.bytes(narrowColumn(littleEndianBytes(amounts), 8, amountBytes));
}

function readBatch(reader: ByteReader, envelope: Envelope): TransferBatch {
  const asset = reader.u32('asset');
  const flags = reader.u8('flags');
  if (flags > ATOMIC) throw reader.refuse('NON_CANONICAL', 'flags', 'unknown flag');
  const count = reader.u16('count');
  if (count === 0) throw reader.refuse('NON_CANONICAL', 'count', 'at least one transfer expected');
  const handleBytes = width(reader, 4, 'handleBytes');
  const amountBytes = width(reader, 8, 'amountBytes');
  reader.count(count, MAX_TRANSFERS, handleBytes + amountBytes, 'count');
  const recipients = new Uint32Array(
    wideColumn(reader.bytes(count * handleBytes, 'recipients'), handleBytes, 4).buffer,
  );
  const amounts = new BigUint64Array(wideColumn(reader.bytes(count * amountBytes, 'amounts'), amountBytes, 8).buffer);
  if (amounts.includes(0n)) throw reader.refuse('NON_CANONICAL', 'amounts', 'an amount is at least 1');
  if (handleWidth(recipients) !== handleBytes || amountWidth(amounts) !== amountBytes) {
    throw reader.refuse('NON_CANONICAL', 'count', 'columns must have the smallest width that fits');
  }
  return { ...envelope, kind: 'transfer-batch', asset, atomic: flags === ATOMIC, recipients, amounts };
}

function width(reader: ByteReader, limit: number, field: string): number {
  const value = reader.u8(field);
  if (value < 1 || value > limit) throw reader.refuse('NON_CANONICAL', field, `1 to ${limit} expected`);
  return value;
}

function handleWidth(recipients: Uint32Array): number {
  let highest = 0;
  for (const handle of recipients) if (handle > highest) highest = handle;
  return byteWidth(BigInt(highest));
}

/** The width of the bits in use is the width of the highest value. */
function amountWidth(amounts: BigUint64Array): number {
  let used = 0n;
  for (const amount of amounts) used |= amount;
  return byteWidth(used);
}

function byteWidth(value: bigint): number {
  let bytes = 1;
  while (value >> BigInt(8 * bytes) > 0n) bytes += 1;
  return bytes;
}

function narrowColumn(wide: Uint8Array, from: number, to: number): Uint8Array {
  if (from === to) return wide;
  const count = wide.length / from;
  const out = new Uint8Array(count * to);
  for (let i = 0; i < count; i++) {
    for (let byte = 0; byte < to; byte++) out[i * to + byte] = wide[i * from + byte] as number;
  }
  return out;
}

function wideColumn(narrow: Uint8Array, from: number, to: number): Uint8Array<ArrayBuffer> {
  assertLittleEndian();
  const count = narrow.length / from;
  const out = new Uint8Array(count * to);
  for (let i = 0; i < count; i++) {
    for (let byte = 0; byte < from; byte++) out[i * to + byte] = narrow[i * from + byte] as number;
  }
  return out;
}

function littleEndianBytes(column: Uint32Array | BigUint64Array): Uint8Array {
  assertLittleEndian();
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

/** Typed arrays have the byte order of the machine; every platform of Node and of browsers is little-endian. */
function assertLittleEndian(): void {
  assert(LITTLE_ENDIAN, 'a little-endian machine');
}
