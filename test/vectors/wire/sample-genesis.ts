import type { Hasher } from '../../../src/crypto/hasher.ts';
import { type Member, validatorId } from '../../../src/params/committee.ts';
import type { GenesisContent } from '../../../src/params/genesis.ts';
import { defaultParameters } from '../../../src/params/protocol-parameters.ts';
import { PUBLIC_KEY_BYTES } from '../../../src/types/limits.ts';

const key = (byte: number): Uint8Array => new Uint8Array(PUBLIC_KEY_BYTES).fill(byte);

/** Four validators, two assets, three accounts; keys are repeated bytes. */
export function sampleGenesis(hasher: Hasher): GenesisContent {
  return {
    name: 'golden',
    timeMs: 1_767_225_600_000,
    parameters: { ...defaultParameters(4), feeBase: 10n, openDeposit: 1_000_000n },
    assets: [
      { symbol: 'AV', decimals: 6 },
      { symbol: 'EUR', decimals: 2, issued: { handle: 2, amount: 2n ** 64n - 1n } },
    ],
    members: [1, 2, 3, 4].map((number) => member(hasher, number)),
    accounts: { file: 'accounts.bin', count: 3, blake3: 'ac'.repeat(32) },
  };
}

function member(hasher: Hasher, number: number): Member {
  const identityKey = key(number);
  return {
    validatorId: validatorId(hasher, identityKey),
    name: `V${number}`,
    identityKey,
    consensusKey: key(0x10 + number),
    linkKey: key(0x20 + number),
    power: 1,
    peerId: `peer-${number}`,
    address: `127.0.0.1:${30_310 + number}`,
  };
}
