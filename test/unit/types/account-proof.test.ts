import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AccountProof,
  decodeAccountProof,
  encodeAccountProof,
  treeDepth,
  verifyAccountProof,
} from '../../../src/types/account-proof.ts';
import { id, type StateRoot } from '../../../src/types/ids.ts';
import { DecodeError } from '../../../src/util/byte-reader.ts';
import { commitOf, hasher, openModel } from '../execution/fixture.ts';

/** The proof of account 1, with its 77 units of asset 1, and the root it is made for. */
function valid(): { proof: AccountProof; bytes: Uint8Array; root: StateRoot } {
  const ledger = openModel();
  const { checkpoint } = ledger.execute(commitOf(1, [], { timeMs: 5_000 }));
  const bytes = ledger.proof(1, 1) ?? assert.fail();
  return { proof: decodeAccountProof(bytes), bytes, root: checkpoint?.statement.accountsRoot ?? assert.fail() };
}

describe('account proofs', () => {
  it('show the row of an account under a root', () => {
    const { proof, root } = valid();
    const { handle, balance, nonce, keyVersion, frozen, further } = verifyAccountProof(hasher, proof, root);
    assert.deepEqual([handle, balance, nonce, keyVersion, frozen], [1, 2_000n, 0, 0, false]);
    assert.deepEqual(further, { asset: 1, balance: 77n });
  });

  it('fail whatever byte is changed, with a code', () => {
    const { bytes, root } = valid();
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.with(at, (bytes[at] as number) ^ 0x80);
      assert.throws(
        () => verifyAccountProof(hasher, decodeAccountProof(changed), root),
        (error) =>
          error instanceof DecodeError || ['PROOF_SHAPE', 'PROOF_ROOT'].includes((error as { code: string }).code),
        `byte ${at}`,
      );
    }
  });

  it('are refused for another root, a handle that is none, a path of another length, a further asset that is none', () => {
    const { proof, root } = valid();
    const verify =
      (changed: Partial<AccountProof>, under = root) =>
      () =>
        verifyAccountProof(hasher, { ...proof, ...changed }, under);
    assert.throws(verify({}, id<StateRoot>('00'.repeat(32))), { code: 'PROOF_ROOT', fields: { handle: 1 } });
    assert.throws(verify({ handle: 4 }), { code: 'PROOF_SHAPE', fields: { handle: 4 } });
    assert.throws(verify({ path: [new Uint8Array(32)] }), { code: 'PROOF_SHAPE', fields: { got: 1 } });
    assert.throws(verify({ furtherRoots: [] }), { code: 'PROOF_SHAPE', fields: { asset: 1 } });
  });

  it('travel whole', () => {
    const { proof, bytes } = valid();
    assert.deepEqual(encodeAccountProof(proof), bytes);
    assert.throws(() => decodeAccountProof(bytes.subarray(0, -1)), { code: 'TRUNCATED' });
    assert.throws(() => decodeAccountProof(Uint8Array.of(...bytes, 0)), { code: 'TRAILING_BYTES' });
  });

  it('have the depth of the smallest complete tree', () => {
    assert.deepEqual([0, 1, 2, 3, 4, 5, 2 ** 27].map(treeDepth), [0, 0, 1, 2, 2, 3, 27]);
  });
});
