import type { Hasher } from '../crypto/hasher.ts';
import { type Commit, decodeCommit, encodeCommit } from '../types/commit.ts';
import type { CommitIndex, Round } from '../types/ids.ts';
import { MAX_HEADER_BYTES, SIGNATURE_BYTES } from '../types/limits.ts';
import { assert, unreachable } from '../util/assert.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { EMPTY_BYTES } from '../util/bytes.ts';
import type { LogPosition } from './log-position.ts';

/** A header's canonical bytes and the signature over them. */
export interface SignedBytes {
  readonly header: Uint8Array;
  readonly signature: Uint8Array;
}

export interface BlockEntry extends SignedBytes {
  /** `own-block` is one that this node signed: the sign guard is compared with the last of them. */
  readonly type: 'admitted-block' | 'own-block';
  readonly payload: Uint8Array;
}

export interface CommitEntry {
  readonly type: 'commit';
  /** Decided by this node's own DAG, or taken over from a peer by commit sync. */
  readonly source: 'decided' | 'synced';
  readonly commit: Commit;
  readonly gcRoundAfter: Round;
  /** Where the blocks of `commit.refs` lie, in that order; `LOG_START` where not known. A hint: ids decide. */
  readonly blockPositions: readonly LogPosition[];
}

export interface ExecutedEntry {
  readonly type: 'executed';
  readonly commitIndex: CommitIndex;
  /** 32 bytes that the ledger computes of its state, compared at replay. */
  readonly stateMarker: Uint8Array;
}

export interface CertificateEntry {
  readonly type: 'certificate';
  readonly bytes: Uint8Array;
}

export interface EvidenceEntry {
  readonly type: 'evidence';
  readonly first: SignedBytes;
  readonly second: SignedBytes;
}

/** What the log holds: docs/spec/storage.md. Byte arrays given to the log are shared, not copied, and must not change afterwards. */
export type LogEntry = BlockEntry | CommitEntry | ExecutedEntry | CertificateEntry | EvidenceEntry;

/** The body, which the record's checksum covers, and the payload, which the digest in the block's header covers. */
export interface EncodedEntry {
  readonly typeCode: number;
  /** One after the other; not joined, so that appending a block copies nothing. */
  readonly body: readonly Uint8Array[];
  readonly payload: Uint8Array;
}

/** The same as read from a record. */
export interface StoredEntry {
  readonly typeCode: number;
  readonly body: Uint8Array;
  readonly payload: Uint8Array;
}

export const STATE_MARKER_BYTES = 32;

const TYPE_CODES = {
  'admitted-block': 1,
  'own-block': 2,
  commit: 3,
  executed: 4,
  certificate: 5,
  evidence: 6,
} as const satisfies Record<LogEntry['type'], number>;

export const MAX_TYPE_CODE = 6;

export function encodeEntry(entry: LogEntry): EncodedEntry {
  const typeCode = TYPE_CODES[entry.type];
  switch (entry.type) {
    case 'admitted-block':
    case 'own-block':
      assert(entry.signature.length === SIGNATURE_BYTES, 'a signature has its fixed size');
      return { typeCode, body: [entry.header, entry.signature], payload: entry.payload };
    case 'commit':
      return { typeCode, body: [encodeCommitBody(entry)], payload: EMPTY_BYTES };
    case 'executed': {
      const out = new ByteWriter().u53(entry.commitIndex).fixed(entry.stateMarker, STATE_MARKER_BYTES);
      return { typeCode, body: [out.finish()], payload: EMPTY_BYTES };
    }
    case 'certificate':
      return { typeCode, body: [entry.bytes], payload: EMPTY_BYTES };
    case 'evidence': {
      const out = new ByteWriter();
      for (const signed of [entry.first, entry.second]) {
        out.u32(signed.header.length).bytes(signed.header).fixed(signed.signature, SIGNATURE_BYTES);
      }
      return { typeCode, body: [out.finish()], payload: EMPTY_BYTES };
    }
    default:
      return unreachable(entry);
  }
}

/**
 * The inverse of {@link encodeEntry}. Bytes whose checksum held decode, unless another version of this program wrote them.
 * @throws DecodeError
 */
export function decodeEntry(hasher: Hasher, { typeCode, body, payload }: StoredEntry): LogEntry {
  const reader = new ByteReader(body);
  switch (typeCode) {
    case TYPE_CODES['admitted-block']:
      return { type: 'admitted-block', ...decodeSignedBytes(reader, body.length - SIGNATURE_BYTES), payload };
    case TYPE_CODES['own-block']:
      return { type: 'own-block', ...decodeSignedBytes(reader, body.length - SIGNATURE_BYTES), payload };
    case TYPE_CODES.commit:
      return decodeCommitBody(hasher, reader);
    case TYPE_CODES.executed: {
      const commitIndex = reader.u53('commitIndex');
      const stateMarker = reader.bytes(STATE_MARKER_BYTES, 'stateMarker');
      reader.end();
      return { type: 'executed', commitIndex, stateMarker };
    }
    case TYPE_CODES.certificate:
      return { type: 'certificate', bytes: body };
    case TYPE_CODES.evidence: {
      const first = decodeSignedBytes(reader, reader.u32('header.length'));
      const second = decodeSignedBytes(reader, reader.u32('header.length'));
      reader.end();
      return { type: 'evidence', first, second };
    }
    default:
      throw reader.refuse('NON_CANONICAL', 'type', `record type ${typeCode} is not known to this version`);
  }
}

function decodeSignedBytes(reader: ByteReader, headerBytes: number): SignedBytes {
  if (headerBytes < 0) throw reader.refuse('TRUNCATED', 'signature', `${SIGNATURE_BYTES} bytes expected`);
  if (headerBytes > MAX_HEADER_BYTES)
    throw reader.refuse('LIMIT', 'header', `at most ${MAX_HEADER_BYTES} bytes allowed`);
  const header = reader.bytes(headerBytes, 'header');
  return { header, signature: reader.bytes(SIGNATURE_BYTES, 'signature') };
}

function encodeCommitBody({ source, commit, gcRoundAfter, blockPositions }: CommitEntry): Uint8Array {
  assert(blockPositions.length === commit.refs.length, 'one position a block');
  const bytes = encodeCommit(commit);
  const out = new ByteWriter(9 + bytes.length + 8 * blockPositions.length);
  out
    .u8(source === 'synced' ? 1 : 0)
    .u32(gcRoundAfter)
    .u32(bytes.length)
    .bytes(bytes);
  for (const position of blockPositions) out.u53(position);
  return out.finish();
}

function decodeCommitBody(hasher: Hasher, reader: ByteReader): CommitEntry {
  const source = reader.flag('synced') ? 'synced' : 'decided';
  const gcRoundAfter = reader.u32('gcRoundAfter');
  const commit = decodeCommit(hasher, reader.bytes(reader.u32('commit.length'), 'commit'));
  const blockPositions = commit.refs.map(() => reader.u53('blockPosition') as LogPosition);
  reader.end();
  return { type: 'commit', source, commit, gcRoundAfter, blockPositions };
}
