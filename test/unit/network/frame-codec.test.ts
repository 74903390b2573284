import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NetworkError } from '../../../src/network/errors.ts';
import { encodeFrame, FrameAssembler } from '../../../src/network/frame-codec.ts';
import { concatBytes } from '../../../src/util/bytes.ts';

const LIMIT = 1_000;

describe('frame codec', () => {
  it('writes the length as u32 little-endian before the parts', () => {
    const { chunks, bytes } = encodeFrame([Uint8Array.of(1, 2), Uint8Array.of(3)]);
    assert.deepEqual(concatBytes(...chunks), Uint8Array.of(3, 0, 0, 0, 1, 2, 3));
    assert.equal(bytes, 7);
  });

  it('writes an empty frame as its length alone, and reads it as a frame', () => {
    const { chunks } = encodeFrame([]);
    assert.deepEqual(concatBytes(...chunks), new Uint8Array(4));
    assert.deepEqual([...new FrameAssembler(LIMIT).push(new Uint8Array(8))], [new Uint8Array(0), new Uint8Array(0)]);
  });

  it('rebuilds frames from chunks cut anywhere', () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
    const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(frames, cuts, (expected, sizes) => {
        const wire = concatBytes(...expected.flatMap((frame) => encodeFrame([frame]).chunks));
        const assembler = new FrameAssembler(LIMIT);
        const received: Uint8Array[] = [];
        for (let offset = 0, turn = 0; offset < wire.length; turn++) {
          const size = sizes[turn % sizes.length] as number;
          received.push(...assembler.push(wire.subarray(offset, offset + size)));
          offset += size;
        }
        assert.deepEqual(received, expected);
      }),
    );
  });

  it('hands out copies', () => {
    const chunk = concatBytes(...encodeFrame([Uint8Array.of(1)]).chunks);
    const [frame] = new FrameAssembler(LIMIT).push(chunk);
    chunk.fill(0xff);
    assert.deepEqual(frame, Uint8Array.of(1));
  });

  it('takes a frame of the limit and refuses one byte more as soon as its length is known', () => {
    const wire = (length: number) => concatBytes(...encodeFrame([new Uint8Array(length)]).chunks);
    assert.equal([...new FrameAssembler(LIMIT).push(wire(LIMIT))].length, 1);
    for (const length of [LIMIT + 1, 0xffff_ffff]) {
      const header = new Uint8Array(4);
      new DataView(header.buffer).setUint32(0, length, true);
      assert.throws(
        () => [...new FrameAssembler(LIMIT).push(header)],
        (error) => {
          assert.ok(error instanceof NetworkError);
          assert.equal(error.code, 'FRAME_TOO_LARGE');
          assert.deepEqual(error.fields, { bytes: length, limit: LIMIT });
          return true;
        },
      );
    }
  });
});
