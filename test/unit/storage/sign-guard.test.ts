import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeSlot, encodeSlot, NO_BLOCK, SLOT_BYTES, UNUSED_MARKS } from '../../../src/storage/guard-slot.ts';
import { readGuard, SignGuard } from '../../../src/storage/sign-guard.ts';
import { type BlockId, id, type NetworkId, type StatementDigest, type ValidatorId } from '../../../src/types/ids.ts';
import { Prng } from '../../../src/util/prng.ts';
import { SimulatedDisk } from '../../support/simulated-disk.ts';
import { hasher, refusal, storageModules } from './fixture.ts';

const PATH = 'guard/a';
const idOf = (byte: number): string => byte.toString(16).padStart(2, '0').repeat(32);
const blockId = (byte: number): BlockId => id<BlockId>(idOf(byte));
const digest = (byte: number): StatementDigest => id<StatementDigest>(idOf(byte));
const IDENTITY = {
  networkId: id<NetworkId>(idOf(1)),
  validatorId: id<ValidatorId>(idOf(2)),
  logId: '03'.repeat(16),
};

async function newGuard() {
  const disk = new SimulatedDisk();
  const modules = storageModules(disk);
  return { disk, modules, guard: await SignGuard.create(PATH, IDENTITY, UNUSED_MARKS, modules) };
}

describe('SignGuard', () => {
  it('takes two slots of 4 KiB and says what it holds', async () => {
    const { disk, modules, guard } = await newGuard();
    assert.equal(disk.contents(PATH).length, 8_192);
    await guard.advance({ epoch: 1, round: 1, id: blockId(9) });
    await guard.advanceCheckpoint(4, digest(8));
    const expected = {
      identity: IDENTITY,
      block: { epoch: 1, round: 1, id: blockId(9) },
      vote: { index: 4, digest: digest(8) },
    };
    assert.deepEqual(guard.flushed, expected);
    await guard.close();
    assert.deepEqual(await readGuard(PATH, modules), { state: 'good', value: expected, sequence: 3, soundSlots: 2 });
    assert.equal(disk.contents(PATH).length, 8_192);
  });

  it('is made only on purpose, and only where none is', async () => {
    const { modules } = await newGuard();
    await assert.rejects(
      SignGuard.create(PATH, IDENTITY, UNUSED_MARKS, modules),
      refusal('GUARD_EXISTS', { path: PATH }),
    );
    await assert.rejects(
      SignGuard.open('guard/none', IDENTITY, modules),
      refusal('GUARD_UNUSABLE', { path: 'guard/none', state: 'missing' }),
    );
    assert.deepEqual(await readGuard('guard/none', modules), { state: 'missing' });
  });

  it('never goes back in rounds, and allows the same block again', async () => {
    const { guard } = await newGuard();
    const stored = { epoch: 2, round: 10, id: blockId(9) };
    await guard.advance(stored);
    await guard.advance(stored);
    const fields = (epoch: number, round: number, byte: number) => ({
      storedEpoch: 2,
      storedRound: 10,
      storedId: blockId(9),
      epoch,
      round,
      id: blockId(byte),
    });
    for (const [code, epoch, round, byte] of [
      ['GUARD_CONFLICT', 2, 10, 8],
      ['GUARD_BACKWARD', 2, 9, 9],
      ['GUARD_BACKWARD', 1, 99, 9],
    ] as const) {
      await assert.rejects(
        guard.advance({ epoch, round, id: blockId(byte) }),
        refusal(code, fields(epoch, round, byte)),
      );
    }
    await guard.advance({ epoch: 3, round: 1, id: blockId(7) });
    assert.deepEqual(guard.flushed.block, { epoch: 3, round: 1, id: blockId(7) });
  });

  it('never votes twice for a checkpoint', async () => {
    const { guard } = await newGuard();
    await guard.advanceCheckpoint(5, digest(1));
    await guard.advanceCheckpoint(5, digest(1));
    const stored = { storedIndex: 5, storedDigest: digest(1) };
    await assert.rejects(
      guard.advanceCheckpoint(5, digest(2)),
      refusal('GUARD_CONFLICT', { ...stored, index: 5, digest: digest(2) }),
    );
    await assert.rejects(
      guard.advanceCheckpoint(4, digest(1)),
      refusal('GUARD_BACKWARD', { ...stored, index: 4, digest: digest(1) }),
    );
  });

  it('checks against what is under way, and writes marks made meanwhile together', async () => {
    const { disk, guard } = await newGuard();
    const before = disk.operations;
    const release = disk.hold('sync');
    const first = guard.advance({ epoch: 1, round: 5, id: blockId(5) });
    const second = guard.advance({ epoch: 1, round: 6, id: blockId(6) });
    const vote = guard.advanceCheckpoint(1, digest(1));
    await assert.rejects(guard.advance({ epoch: 1, round: 5, id: blockId(4) }), refusal('GUARD_BACKWARD'));
    assert.equal(guard.flushed.block.round, 0);
    release();
    await Promise.all([first, second, vote]);
    assert.equal(guard.flushed.block.round, 6);
    assert.equal(disk.operations - before <= 4, true);
  });

  it('is of no use to another validator or network', async () => {
    const { modules } = await newGuard();
    for (const field of ['networkId', 'validatorId'] as const) {
      const owner = { ...IDENTITY, [field]: idOf(77) };
      const fields = { path: PATH, field, expected: idOf(77), found: IDENTITY[field] };
      await assert.rejects(SignGuard.open(PATH, owner, modules), refusal('GUARD_FOREIGN', fields));
      await assert.rejects(SignGuard.replace(PATH, owner, UNUSED_MARKS, modules), refusal('GUARD_FOREIGN', fields));
    }
  });

  it('stops after a failed write until it is read again', async () => {
    for (const operation of ['write', 'sync'] as const) {
      const { disk, modules, guard } = await newGuard();
      await guard.advance({ epoch: 1, round: 1, id: blockId(1) });
      disk.fail({ operation, code: 'IO_ERROR', times: 1 });
      await assert.rejects(guard.advance({ epoch: 1, round: 2, id: blockId(2) }), refusal('GUARD_FAILED'));
      await assert.rejects(guard.advance({ epoch: 1, round: 3, id: blockId(3) }), refusal('GUARD_FAILED'));
      assert.equal(guard.flushed.block.round, 1);
      await guard.close();
      const reopened = await SignGuard.open(PATH, IDENTITY, modules);
      assert.equal(reopened.flushed.block.round, operation === 'write' ? 1 : 2);
      await reopened.advance({ epoch: 1, round: 3, id: blockId(3) });
    }
  });

  it('survives one bad slot with the mark before, and says so; two are corrupt', async () => {
    const { disk, modules, guard } = await newGuard();
    await guard.advance({ epoch: 1, round: 1, id: blockId(1) });
    await guard.advance({ epoch: 1, round: 2, id: blockId(2) });
    const newestSlot = 1;
    disk.flip(PATH, newestSlot * SLOT_BYTES + 100, 1);
    const one = await readGuard(PATH, modules);
    assert.ok(one.state === 'good');
    assert.deepEqual([one.soundSlots, one.value.block.round], [1, 1]);
    disk.flip(PATH, 100, 1);
    assert.deepEqual(await readGuard(PATH, modules), { state: 'corrupt' });
    await assert.rejects(
      SignGuard.open(PATH, IDENTITY, modules),
      refusal('GUARD_UNUSABLE', { path: PATH, state: 'corrupt' }),
    );
    disk.plant(PATH, new Uint8Array(4_096));
    assert.deepEqual(await readGuard(PATH, modules), { state: 'corrupt' });
  });

  it('is replaced at the end of a recovery, never by an earlier one, and bars the round it names', async () => {
    const { disk, modules, guard } = await newGuard();
    await guard.advance({ epoch: 1, round: 50, id: blockId(5) });
    await guard.close();
    const identity = { ...IDENTITY, logId: '04'.repeat(16) };
    const marksAt = (round: number) => ({ ...UNUSED_MARKS, block: { epoch: 1, round, id: NO_BLOCK } });
    await assert.rejects(SignGuard.replace(PATH, identity, marksAt(49), modules), refusal('GUARD_BACKWARD'));
    await assert.rejects(SignGuard.replace(PATH, identity, marksAt(50), modules), refusal('GUARD_CONFLICT'));
    const replaced = await SignGuard.replace(PATH, identity, marksAt(60), modules);
    await assert.rejects(replaced.advance({ epoch: 1, round: 60, id: blockId(1) }), refusal('GUARD_CONFLICT'));
    await replaced.advance({ epoch: 1, round: 61, id: blockId(1) });
    assert.equal(replaced.flushed.identity.logId, identity.logId);
    disk.plant(PATH, new Uint8Array(8_192));
    await SignGuard.replace(PATH, identity, marksAt(70), modules);
    assert.equal((await readGuard(PATH, modules)).state, 'good');
  });
});

describe('guard slot', () => {
  it('is whole or nothing: any flipped bit is noticed', () => {
    const marks = { block: { epoch: 1, round: 2, id: blockId(3) }, vote: { index: 4, digest: digest(5) } };
    const slot = { sequence: 7, value: { identity: IDENTITY, ...marks } };
    const bytes = encodeSlot(hasher, slot);
    assert.deepEqual(decodeSlot(hasher, bytes), slot);
    const prng = new Prng(1);
    for (let offset = 0; offset < bytes.length; offset++) {
      const flipped = bytes.slice();
      flipped[offset] = (flipped[offset] as number) ^ (1 << prng.below(8));
      assert.equal(decodeSlot(hasher, flipped), undefined, `byte ${offset}`);
    }
  });
});
