import type { Hasher } from '../crypto/hasher.ts';
import { id, type NetworkId } from '../types/ids.ts';
import { PUBLIC_KEY_BYTES } from '../types/limits.ts';
import { equalBytes, fromHex, isHex, toHex, utf8 } from '../util/bytes.ts';
import { type CanonicalValue, canonicalJson } from './canonical-json.ts';
import { Committee, committeeProblems, type Member, validatorId } from './committee.ts';
import { ParamsError } from './errors.ts';
import { FieldReader } from './field-reader.ts';
import { type ProtocolParameters, parameterProblems } from './protocol-parameters.ts';

/** Bounds what is read before anything is trusted: 100 validators with three keys of 5 kB of text each, and room. */
export const MAX_GENESIS_BYTES = 4 * 1024 * 1024;
export const MAX_ASSETS = 256;

/** An asset beyond the native one is issued in genesis to one account. Asset 0 is what `accounts.bin` distributes. */
export interface GenesisAsset {
  readonly symbol: string;
  readonly decimals: number;
  readonly issued?: { readonly handle: number; readonly amount: bigint };
}

/** `accounts.bin`: a row of public key (2,592 B) and balance (u64) per funded account, named by its BLAKE3-256. */
export interface GenesisAccounts {
  readonly file: string;
  readonly count: number;
  readonly blake3: string;
}

/** What every node of a network starts from: docs/spec/genesis.md. Its bytes name the network for ever. */
export interface Genesis {
  readonly networkId: NetworkId;
  readonly name: string;
  readonly timeMs: number;
  readonly parameters: ProtocolParameters;
  readonly assets: readonly GenesisAsset[];
  readonly committee: Committee;
  readonly accounts: GenesisAccounts;
}

export type GenesisContent = Omit<Genesis, 'networkId' | 'committee'> & { readonly members: readonly Member[] };

/** The canonical bytes of `genesis.json`. */
export function encodeGenesis(content: GenesisContent): Uint8Array {
  const { name, timeMs, parameters, assets, members, accounts } = content;
  const validators = [...members].sort((a, b) => (a.validatorId < b.validatorId ? -1 : 1)).map(memberToJson);
  const value = { name, timeMs, parameters: toJson(parameters), assets: assets.map(assetToJson), validators, accounts };
  return utf8(canonicalJson(value as unknown as CanonicalValue));
}

/**
 * Reads `genesis.json`; its bytes must be the canonical encoding of what they say, so that one network has one id.
 * @throws ParamsError GENESIS_INVALID with every problem found
 */
export function decodeGenesis(hasher: Hasher, bytes: Uint8Array): Genesis {
  const root = FieldReader.parse(bytes, MAX_GENESIS_BYTES);
  root.only('name', 'timeMs', 'parameters', 'assets', 'validators', 'accounts');
  const name = root.text('name', 64);
  const timeMs = root.integer('timeMs');
  const members = root.list('validators', 100).map((entry) => readMember(hasher, entry));
  const parameters = readParameters(root.object('parameters'));
  const assets = root.list('assets', MAX_ASSETS).map(readAsset);
  const accounts = readAccounts(root.object('accounts'));
  const problems = [...root.problems];
  // Only then: what a field lacks would be reported again as what its stand-in means.
  if (problems.length === 0) {
    problems.push(
      ...parameterProblems(parameters, members.length),
      ...assetProblems(assets, accounts),
      ...committeeProblems(members),
    );
  }
  if (problems.length > 0) throw ParamsError.of('GENESIS_INVALID', 'genesis.json cannot be used', problems);
  const committee = new Committee(members);
  const content = { name, timeMs, parameters, assets, members, accounts };
  if (!equalBytes(encodeGenesis(content), bytes)) {
    throw ParamsError.of('GENESIS_INVALID', 'genesis.json cannot be used', [
      'it is not in canonical form (RFC 8785, validators by id)',
    ]);
  }
  return { networkId: id<NetworkId>(hasher.plain(bytes)), name, timeMs, parameters, assets, committee, accounts };
}

function toJson(parameters: ProtocolParameters): CanonicalValue {
  return Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]),
  );
}

function memberToJson(member: Member): CanonicalValue {
  const { name, power, peerId, address } = member;
  const keys = {
    identityKey: toHex(member.identityKey),
    consensusKey: toHex(member.consensusKey),
    linkKey: toHex(member.linkKey),
  };
  return { name, power, peerId, address, ...keys };
}

function assetToJson(asset: GenesisAsset): CanonicalValue {
  const { symbol, decimals, issued } = asset;
  if (issued === undefined) return { symbol, decimals };
  return { symbol, decimals, issued: { handle: issued.handle, amount: issued.amount.toString() } };
}

function readMember(hasher: Hasher, entry: FieldReader): Member {
  entry.only('name', 'power', 'peerId', 'address', 'identityKey', 'consensusKey', 'linkKey');
  const identityKey = readKey(entry, 'identityKey');
  return {
    validatorId: validatorId(hasher, identityKey),
    name: entry.text('name', 64),
    power: entry.integer('power'),
    peerId: entry.text('peerId', 128),
    address: entry.text('address', 256),
    identityKey,
    consensusKey: readKey(entry, 'consensusKey'),
    linkKey: readKey(entry, 'linkKey'),
  };
}

function readKey(entry: FieldReader, field: string): Uint8Array {
  const text = entry.text(field, PUBLIC_KEY_BYTES * 2);
  if (isHex(text, PUBLIC_KEY_BYTES)) return fromHex(text);
  entry.report(field, `${PUBLIC_KEY_BYTES} bytes in lower-case hexadecimal expected`);
  return new Uint8Array(PUBLIC_KEY_BYTES);
}

function readParameters(entry: FieldReader): ProtocolParameters {
  const integers = [
    'leadersPerRound',
    'gcDepth',
    'maxBlockBytes',
    'maxTransactionBytes',
    'maxTransactionsPerBlock',
    'maxOpensPerCommit',
    'checkpointSpacingMs',
    'checkpointIdleSpacingMs',
    'expiryHorizonMs',
    'registryHistoryCommits',
    'attestHorizonRounds',
    'epochMaxMs',
    'epochMaxCommits',
  ] as const;
  const amounts = ['feeBase', 'feePerTransfer', 'feePerByte', 'openDeposit'] as const;
  entry.only(...integers, ...amounts, 'verification');
  const verification = entry.text('verification', 16);
  if (verification !== 'full') entry.report('verification', "'full' expected");
  return {
    ...(Object.fromEntries(integers.map((field) => [field, entry.integer(field)])) as Record<
      (typeof integers)[number],
      number
    >),
    ...(Object.fromEntries(amounts.map((field) => [field, entry.amount(field)])) as Record<
      (typeof amounts)[number],
      bigint
    >),
    verification: 'full',
  };
}

function readAsset(entry: FieldReader): GenesisAsset {
  entry.only('symbol', 'decimals', 'issued');
  const symbol = entry.text('symbol', 16);
  const decimals = entry.integer('decimals');
  if (!entry.has('issued')) return { symbol, decimals };
  const issued = entry.object('issued');
  issued.only('handle', 'amount');
  return { symbol, decimals, issued: { handle: issued.integer('handle'), amount: issued.amount('amount') } };
}

function readAccounts(entry: FieldReader): GenesisAccounts {
  entry.only('file', 'count', 'blake3');
  const blake3 = entry.text('blake3', 64);
  if (!isHex(blake3, 32)) entry.report('blake3', '32 bytes in lower-case hexadecimal expected');
  const file = entry.text('file', 128);
  if (!/^[A-Za-z0-9._-]+$/.test(file) || file.startsWith('.'))
    entry.report('file', 'a plain file name beside genesis.json expected');
  return { file, count: entry.integer('count'), blake3 };
}

function assetProblems(assets: readonly GenesisAsset[], accounts: GenesisAccounts): string[] {
  const problems: string[] = [];
  if (assets.length === 0) problems.push('assets: at least the native asset is needed');
  if (accounts.count >= 2 ** 32) problems.push('accounts.count: handles are 32-bit');
  for (const [index, asset] of assets.entries()) {
    if (asset.symbol === '') problems.push(`assets[${index}].symbol: must not be empty`);
    if (asset.decimals > 18) problems.push(`assets[${index}].decimals: at most 18`);
    if (index === 0 && asset.issued !== undefined)
      problems.push('assets[0].issued: the native asset is distributed by the accounts file');
    if (index > 0 && asset.issued === undefined) problems.push(`assets[${index}].issued: missing`);
    if (asset.issued !== undefined && asset.issued.handle >= accounts.count)
      problems.push(`assets[${index}].issued.handle: no such account`);
  }
  return problems;
}
