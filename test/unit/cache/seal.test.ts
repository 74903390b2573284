import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_VALUE_BYTES } from '../../../src/cache/options.ts';
import { MAX_SEALED_BYTES, Seal } from '../../../src/cache/seal.ts';

const SECRET = new Uint8Array(32).fill(7);
const VALUE = Uint8Array.of(1, 2, 3);

describe('the seal of values in Redis', () => {
  const seal = new Seal(SECRET);
  const sealed = seal.close('block/1', VALUE);

  it('opens what it closed', () => {
    assert.deepEqual([...(seal.open('block/1', sealed) ?? [])], [1, 2, 3]);
    assert.deepEqual([...(seal.open('k', seal.close('k', new Uint8Array(0))) ?? [9])], []);
  });

  it('refuses another key, another secret, every changed bit and every other length', () => {
    assert.equal(seal.open('block/2', sealed), undefined);
    assert.equal(new Seal(new Uint8Array(32).fill(8)).open('block/1', sealed), undefined);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = sealed.slice();
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.equal(seal.open('block/1', changed), undefined, `bit ${bit}`);
    }
    for (let length = 0; length < sealed.length; length++)
      assert.equal(seal.open('block/1', sealed.subarray(0, length)), undefined);
    assert.equal(seal.open('block/1', Uint8Array.of(...sealed, 0)), undefined);
  });

  it('refuses what is longer than any value, however it is sealed', () => {
    const largest = seal.close('k', new Uint8Array(MAX_VALUE_BYTES));
    assert.equal(largest.length, MAX_SEALED_BYTES);
    assert.equal(seal.open('k', largest)?.length, MAX_VALUE_BYTES);
    assert.equal(seal.open('k', seal.close('k', new Uint8Array(MAX_VALUE_BYTES + 1))), undefined);
  });

  it('does not take bytes of the key for bytes of the value', () => {
    assert.notDeepEqual(
      seal.close('ab', Uint8Array.of(99)).slice(0, 32),
      seal.close('abc', new Uint8Array(0)).slice(0, 32),
    );
  });

  it('wants a secret that cannot be guessed', () => {
    assert.throws(() => new Seal(new Uint8Array(31)), { name: 'AssertionFailure' });
  });
});
