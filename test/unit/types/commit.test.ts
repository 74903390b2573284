import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Commit, commitDigest, decodeCommit, encodeCommit, MAX_COMMIT_REFS } from '../../../src/types/commit.ts';
import { ByteWriter } from '../../../src/util/byte-writer.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { decodesOrRefuses, refusal } from './refusal.ts';
import { anyCommit, hasher } from './wire-samples.ts';

const decode = (bytes: Uint8Array) => decodeCommit(hasher, bytes);
const VALID = fc.sample(
  anyCommit.filter(({ refs }) => refs.length > 1),
  { seed: 1, numRuns: 1 },
)[0] as Omit<Commit, 'digest'>;
/** Previous digest, epoch, index, leader, time. */
const BEFORE_REFS = 32 + 4 + 8 + 38 + 8;

describe('commit codec', () => {
  it('decodes what it encodes, with its digest', () => {
    fc.assert(
      fc.property(anyCommit, (commit) => {
        assert.deepEqual(decode(encodeCommit(commit)), { ...commit, digest: commitDigest(hasher, commit) });
      }),
    );
  });

  it('has a digest over every byte', () => {
    const bytes = encodeCommit(VALID);
    const { digest } = decode(bytes);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.with(at, (bytes[at] as number) ^ 1);
      if (decodesOrRefuses(decode, changed)) assert.notEqual(decode(changed).digest, digest, `byte ${at}`);
    }
  });

  it('refuses every cut and every addition', () => {
    const bytes = encodeCommit(VALID);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decode(bytes.subarray(0, length)), { code: 'TRUNCATED' }, `${length}`);
    }
    assert.throws(() => decode(Uint8Array.of(...bytes, 0)), refusal('TRAILING_BYTES', 'end'));
  });

  it('refuses counts before it makes room for them', () => {
    const head = encodeCommit(VALID).subarray(0, BEFORE_REFS);
    const counting = (count: number) => concatBytes(head, new ByteWriter().u32(count).finish());
    assert.throws(() => decode(counting(MAX_COMMIT_REFS + 1)), refusal('LIMIT', 'refs'));
    assert.throws(() => decode(counting(MAX_COMMIT_REFS)), refusal('TRUNCATED', 'refs'));
  });

  it('refuses indices and times above 2^53', () => {
    const bytes = encodeCommit(VALID);
    for (const [field, at] of [
      ['index', 36],
      ['timeMs', 82],
    ] as const) {
      const changed = bytes.slice();
      changed.fill(0xff, at, at + 8);
      assert.throws(() => decode(changed), refusal('LIMIT', field));
    }
  });

  it('throws nothing but a decode error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (any) => void decodesOrRefuses(decode, any)));
  });
});
