import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeEntry, encodeEntry, type LogEntry } from '../../../src/storage/log-entry.ts';
import { logPosition, offsetOf, segmentOf } from '../../../src/storage/log-position.ts';
import { MAX_HEADER_BYTES, SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { DecodeError } from '../../../src/util/byte-reader.ts';
import { concatBytes, EMPTY_BYTES } from '../../../src/util/bytes.ts';
import { block, commit, entryText, executed, hasher } from './fixture.ts';

function bodyOf(entry: LogEntry) {
  const { typeCode, body, payload } = encodeEntry(entry);
  return { typeCode, body: concatBytes(...body), payload };
}

function refused(stored: Parameters<typeof decodeEntry>[1], code: string, field: string): void {
  assert.throws(
    () => decodeEntry(hasher, stored),
    (error) => {
      assert.ok(error instanceof DecodeError);
      assert.deepEqual([error.code, error.fields.field], [code, field]);
      return true;
    },
  );
}

describe('log entry', () => {
  it('has one type code each, which never changes', () => {
    const { header, signature } = block(1);
    const entries: LogEntry[] = [
      block(1),
      block(2, 'own-block'),
      commit(1),
      executed(1),
      { type: 'certificate', bytes: EMPTY_BYTES },
      { type: 'evidence', first: { header, signature }, second: { header, signature } },
    ];
    assert.deepEqual(
      entries.map((entry) => encodeEntry(entry).typeCode),
      [1, 2, 3, 4, 5, 6],
    );
    for (const entry of entries) assert.equal(entryText(decodeEntry(hasher, bodyOf(entry))), entryText(entry));
  });

  it('is refused when its bytes are not those of its type', () => {
    const commitBody = bodyOf(commit(1, [logPosition(0, 64)]));
    refused({ ...bodyOf(executed(1)), typeCode: 7 }, 'NON_CANONICAL', 'type');
    refused({ ...bodyOf(executed(1)), body: new Uint8Array(39) }, 'TRUNCATED', 'stateMarker');
    refused({ ...bodyOf(executed(1)), body: new Uint8Array(41) }, 'TRAILING_BYTES', 'end');
    refused({ ...commitBody, body: commitBody.body.subarray(0, -1) }, 'TRUNCATED', 'blockPosition');
    refused({ ...commitBody, body: commitBody.body.with(0, 2) }, 'NON_CANONICAL', 'synced');
    refused({ ...bodyOf(block(1)), body: new Uint8Array(SIGNATURE_BYTES - 1) }, 'TRUNCATED', 'signature');
    const tooLong = new Uint8Array(MAX_HEADER_BYTES + 1 + SIGNATURE_BYTES);
    refused({ ...bodyOf(block(1)), body: tooLong }, 'LIMIT', 'header');
  });

  it('never fails in another way, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), fc.uint8Array({ maxLength: 300 }), (typeCode, body) => {
        try {
          decodeEntry(hasher, { typeCode, body, payload: EMPTY_BYTES });
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('log position', () => {
  it('holds segment and offset, and ascends with both', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 21 - 1), fc.nat(2 ** 31 - 1), (segment, offset) => {
        const position = logPosition(segment, offset);
        assert.deepEqual([segmentOf(position), offsetOf(position)], [segment, offset]);
        assert.ok(Number.isSafeInteger(position) && logPosition(segment, offset + 1) > position);
      }),
    );
    assert.throws(() => logPosition(2 ** 21, 0), { name: 'AssertionFailure' });
    assert.throws(() => logPosition(0, 2 ** 32), { name: 'AssertionFailure' });
  });
});
