import { Committee } from '../../src/params/committee.ts';
import { id, type ValidatorId } from '../../src/types/ids.ts';
import { PUBLIC_KEY_BYTES } from '../../src/types/limits.ts';

/** A committee with these powers; author 0 is named A, 1 is B. Its keys are zero bytes: for tests that verify no signature. */
export function committeeOf(powers: readonly number[]): Committee {
  const key = new Uint8Array(PUBLIC_KEY_BYTES);
  return new Committee(
    powers.map((power, index) => ({
      validatorId: id<ValidatorId>(index.toString(16).padStart(64, '0')),
      name: authorName(index),
      identityKey: key,
      consensusKey: key,
      linkKey: key,
      power,
      peerId: `peer-${index}`,
      address: `127.0.0.1:${30_311 + index}`,
    })),
  );
}

export function authorName(author: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + author);
}

export function authorOf(name: string): number {
  return name.charCodeAt(0) - 'A'.charCodeAt(0);
}
