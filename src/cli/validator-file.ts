import type { Hasher } from '../crypto/hasher.ts';
import { isPeerId } from '../network/index.ts';
import { type Member, validatorId } from '../params/committee.ts';
import { PUBLIC_KEY_BYTES } from '../types/limits.ts';
import { fromHex, isHex, toHex } from '../util/bytes.ts';
import { CliError } from './errors.ts';

const TEXT_FIELDS = ['name', 'peerId', 'address', 'identityKey', 'consensusKey', 'linkKey'] as const;
const KEY_FIELDS = ['identityKey', 'consensusKey', 'linkKey'] as const;

/** `validator.json`: what an operator hands to whoever writes the genesis. It has the fields of a validator there, and nothing secret. */
export function encodeValidatorFile(member: Omit<Member, 'validatorId'>): string {
  const { name, power, peerId, address, identityKey, consensusKey, linkKey } = member;
  const keys = { identityKey: toHex(identityKey), consensusKey: toHex(consensusKey), linkKey: toHex(linkKey) };
  return `${JSON.stringify({ name, power, peerId, address, ...keys }, null, 2)}\n`;
}

/** @throws CliError FILE_INVALID naming the field */
export function decodeValidatorFile(hasher: Hasher, path: string, bytes: Uint8Array): Member {
  const invalid = (field: string, expected: string): CliError =>
    new CliError('FILE_INVALID', `${path}: ${field}: ${expected}`, { path, field });
  const value = parseObject(bytes);
  if (value === undefined) throw invalid('(file)', 'a JSON object expected, as `av10 keys show --export` writes it');
  for (const field of Object.keys(value)) {
    if (field !== 'power' && !TEXT_FIELDS.some((known) => known === field)) throw invalid(field, 'unknown field');
  }
  for (const field of TEXT_FIELDS)
    if (typeof value[field] !== 'string' || value[field] === '') throw invalid(field, 'text expected');
  const text = value as Record<(typeof TEXT_FIELDS)[number], string>;
  for (const field of KEY_FIELDS) {
    if (!isHex(text[field], PUBLIC_KEY_BYTES))
      throw invalid(field, `${PUBLIC_KEY_BYTES} bytes in lower-case hexadecimal expected`);
  }
  const { power } = value;
  if (typeof power !== 'number' || !Number.isSafeInteger(power) || power < 1)
    throw invalid('power', 'an integer from 1 expected');
  if (!isPeerId(text.peerId)) throw invalid('peerId', 'the peer id of an Ed25519 key expected');
  const { name, peerId, address } = text;
  const keys = {
    identityKey: fromHex(text.identityKey),
    consensusKey: fromHex(text.consensusKey),
    linkKey: fromHex(text.linkKey),
  };
  return { validatorId: validatorId(hasher, keys.identityKey), name, power, peerId, address, ...keys };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // the caller says which file is no JSON
  }
}
