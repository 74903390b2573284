import { assert } from './assert.ts';

const HEX_DIGITS = /^[0-9a-f]*$/;

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** Lower-case hexadecimal, two digits a byte: the one text form of bytes in ids, JSON and logs. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** Inverse of {@link toHex}; refuses upper case so that one value has one text. */
export function fromHex(text: string): Uint8Array {
  assert(isHex(text), 'hexadecimal text expected');
  return Uint8Array.fromHex(text);
}

export function isHex(text: string, byteLength?: number): boolean {
  if (text.length % 2 !== 0 || !HEX_DIGITS.test(text)) return false;
  return byteLength === undefined || text.length === byteLength * 2;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Not constant-time: for public data only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Unsigned lexicographic order; the same as the order of the hexadecimal texts. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
