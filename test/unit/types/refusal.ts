import assert from 'node:assert/strict';
import { DecodeError, type DecodeErrorCode } from '../../../src/util/byte-reader.ts';

/** For `assert.throws`: refused by a decoder with this code, at this field. */
export function refusal(code: DecodeErrorCode, field: string) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof DecodeError, String(error));
    assert.deepEqual({ code: error.code, field: error.fields.field }, { code, field });
    return true;
  };
}

/** Runs a decoder on bytes from anywhere: it returns, or throws a `DecodeError`. Returns whether the bytes were taken. */
export function decodesOrRefuses(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  try {
    decode(bytes);
    return true;
  } catch (error) {
    assert.ok(error instanceof DecodeError, `an uncoded error left a decoder: ${String(error)}`);
    return false;
  }
}
