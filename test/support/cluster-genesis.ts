import type { Hasher } from '../../src/crypto/hasher.ts';
import { type Member, validatorId } from '../../src/params/committee.ts';
import { decodeGenesis, encodeGenesis, type Genesis } from '../../src/params/genesis.ts';
import { defaultParameters, type ProtocolParameters } from '../../src/params/protocol-parameters.ts';
import { toHex } from '../../src/util/bytes.ts';

/** Funded accounts of every simulated network. */
export const ACCOUNTS = 16;

/** The genesis of a network with members of these powers, and accounts as `accountsBin` has them. */
export function makeGenesis(
  powers: readonly number[],
  parameters: Partial<ProtocolParameters>,
  accountsBin: Uint8Array,
  from: { readonly hasher: Hasher; readonly timeMs: number; makeKey(): Uint8Array },
): Genesis {
  const { hasher, timeMs } = from;
  const members = powers.map((power, i): Member => {
    const [identityKey, consensusKey, linkKey] = [from.makeKey(), from.makeKey(), from.makeKey()];
    return {
      validatorId: validatorId(hasher, identityKey),
      name: `v${i}`,
      identityKey,
      consensusKey,
      linkKey,
      power,
      peerId: `peer-${i}`,
      address: `127.0.0.1:${30_311 + i}`,
    };
  });
  const bytes = encodeGenesis({
    name: 'simulated',
    timeMs,
    parameters: { ...defaultParameters(powers.length), ...parameters },
    assets: [{ symbol: 'AV10', decimals: 6 }],
    members,
    accounts: { file: 'accounts.bin', count: ACCOUNTS, blake3: toHex(hasher.plain(accountsBin)) },
  });
  return decodeGenesis(hasher, bytes);
}
