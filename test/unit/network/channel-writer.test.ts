import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Stream } from '@libp2p/interface';
import { ChannelWriter } from '../../../src/network/channel-writer.ts';
import { FrameAssembler } from '../../../src/network/frame-codec.ts';
import { WRITE_BYTES } from '../../../src/network/limits.ts';
import { Prng } from '../../../src/util/prng.ts';

/** A stream that takes writes while it has credit, and says `drain` when it gets some: the part of libp2p's behaviour a writer relies on. */
class CreditStream extends EventTarget {
  readonly writes: Uint8Array[] = [];
  writableNeedsDrain = false;
  writeStatus = 'writable';
  writeBufferLength = 0;
  credit: number;

  constructor(credit: number) {
    super();
    this.credit = credit;
  }

  send(bytes: Uint8Array): boolean {
    assert.equal(this.writableNeedsDrain, false, 'nothing is written before drain');
    this.writes.push(bytes);
    this.credit -= bytes.length;
    this.writableNeedsDrain = this.credit <= 0;
    this.writeBufferLength = Math.max(0, -this.credit);
    return !this.writableNeedsDrain;
  }

  grant(bytes: number): void {
    this.credit += bytes;
    this.writeBufferLength = Math.max(0, -this.credit);
    this.dispatchEvent(new Event('drain'));
    this.writableNeedsDrain = this.credit <= 0;
  }

  received(): Uint8Array[] {
    const assembler = new FrameAssembler(16 * WRITE_BYTES);
    return this.writes.flatMap((bytes) => [...assembler.push(bytes)]);
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

function writerOver(stream: CreditStream, queueBytes = 8 * WRITE_BYTES): ChannelWriter {
  return new ChannelWriter({ stream: stream as unknown as Stream, queueBytes, wrote: () => undefined });
}

describe('channel writer', () => {
  it('gathers the frames of a turn into one write, never during offer', async () => {
    const stream = new CreditStream(Number.MAX_SAFE_INTEGER);
    const writer = writerOver(stream);
    const frames = Array.from({ length: 100 }, (_, i) => new Uint8Array(200).fill(i));
    for (const frame of frames) assert.ok(writer.offer([frame.subarray(0, 7), frame.subarray(7)]));
    assert.equal(stream.writes.length, 0);
    assert.equal(writer.waitingBytes, 100 * 204);
    await nextTurn();
    assert.equal(stream.writes.length, 1);
    assert.deepEqual(stream.received(), frames);
    assert.equal(writer.waitingBytes, 0);
  });

  it('cuts large frames into writes and waits for drain between them', async () => {
    const stream = new CreditStream(1);
    const writer = writerOver(stream);
    const frame = new Prng(1).bytes(3 * WRITE_BYTES);
    writer.offer([frame]);
    writer.offer([Uint8Array.of(1)]);
    await nextTurn();
    assert.equal(stream.writes.length, 1, 'one write beyond the credit at most');
    for (let expected = 2; expected <= 4; expected++) {
      stream.grant(WRITE_BYTES);
      await nextTurn();
      assert.equal(stream.writes.length, expected);
    }
    assert.deepEqual(stream.received(), [frame, Uint8Array.of(1)]);
    assert.ok(stream.writes.every((bytes) => bytes.length <= WRITE_BYTES));
  });

  it('refuses what does not fit into its queue', async () => {
    const stream = new CreditStream(1);
    const writer = writerOver(stream, 1_000);
    assert.equal(writer.offer([new Uint8Array(996)]), true);
    assert.equal(writer.offer([new Uint8Array(1)]), false);
    await nextTurn();
    assert.equal(writer.offer([new Uint8Array(996)]), true, 'what is written no longer counts');
    assert.equal(writer.waitingBytes, 1_000 + 999, 'but what libp2p holds is reported');
  });

  it('is stalled while bytes wait and none is taken', async () => {
    const stream = new CreditStream(1);
    const writer = writerOver(stream);
    assert.equal(writer.isStalled(), false, 'nothing waits');
    writer.offer([new Uint8Array(2 * WRITE_BYTES)]);
    await nextTurn();
    assert.equal(writer.isStalled(), false, 'one byte was taken');
    assert.equal(writer.isStalled(), true);
    stream.grant(10);
    assert.equal(writer.isStalled(), false);
    assert.equal(writer.isStalled(), true);
  });

  it('aborts the stream when a write fails under it', async () => {
    const stream = new CreditStream(1);
    const broken = new Error('the connection is closed');
    const aborted: unknown[] = [];
    Object.assign(stream, {
      send: () => {
        throw broken;
      },
      abort: (error: Error) => aborted.push(error.cause),
    });
    writerOver(stream).offer([new Uint8Array(10)]);
    await nextTurn();
    assert.deepEqual(aborted, [broken]);
  });

  it('writes nothing after it was closed', async () => {
    const stream = new CreditStream(Number.MAX_SAFE_INTEGER);
    const writer = writerOver(stream);
    writer.offer([new Uint8Array(10)]);
    writer.close();
    await nextTurn();
    assert.equal(stream.writes.length, 0);
  });
});
