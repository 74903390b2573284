import type { Hasher } from '../crypto/hasher.ts';
import type { Genesis } from '../params/genesis.ts';
import { type ProtocolParameters, paramsHash } from '../params/protocol-parameters.ts';
import { committeeDigest } from '../types/certificate.ts';
import { ID_BYTES, type NetworkId, type ParamsHash } from '../types/ids.ts';
import type { AccountHandle } from '../types/transaction.ts';
import { ByteWriter } from '../util/byte-writer.ts';

/** What a ledger takes from the genesis, besides the accounts. */
export interface LedgerGenesis {
  readonly networkId: NetworkId;
  readonly timeMs: number;
  readonly accountCount: number;
  readonly members: number;
  readonly committeeDigest: Uint8Array;
  readonly paramsHash: ParamsHash;
  readonly parameters: LedgerParameters;
  /** Of the assets from 1: the account that received all of it. */
  readonly issued: readonly Issue[];
}

export interface Issue {
  readonly handle: AccountHandle;
  readonly amount: bigint;
}

export type LedgerParameters = Pick<
  ProtocolParameters,
  | 'maxOpensPerCommit'
  | 'checkpointSpacingMs'
  | 'checkpointIdleSpacingMs'
  | 'expiryHorizonMs'
  | 'registryHistoryCommits'
  | 'feeBase'
  | 'feePerTransfer'
  | 'feePerByte'
  | 'openDeposit'
>;

const NOT_ISSUED: Issue = { handle: 0, amount: 0n };

export function ledgerGenesis(hasher: Hasher, genesis: Genesis): LedgerGenesis {
  return {
    networkId: genesis.networkId,
    timeMs: genesis.timeMs,
    accountCount: genesis.accounts.count,
    members: genesis.committee.size,
    committeeDigest: committeeDigest(hasher, genesis.committee.members),
    paramsHash: paramsHash(hasher, genesis.parameters),
    parameters: genesis.parameters,
    issued: genesis.assets.slice(1).map((asset) => asset.issued ?? NOT_ISSUED),
  };
}

/** The form in which the native engine takes it: `native/core/src/ledger/genesis.rs`. */
export function encodeLedgerGenesis(genesis: LedgerGenesis): Uint8Array {
  const { parameters: p } = genesis;
  const out = new ByteWriter();
  out.hex(genesis.networkId, ID_BYTES).u53(genesis.timeMs).u32(genesis.accountCount).u16(genesis.members);
  out.fixed(genesis.committeeDigest, ID_BYTES).hex(genesis.paramsHash, ID_BYTES);
  out.u32(p.maxOpensPerCommit).u53(p.checkpointSpacingMs).u53(p.checkpointIdleSpacingMs);
  out.u53(p.expiryHorizonMs).u53(p.registryHistoryCommits);
  out.u64(p.feeBase).u64(p.feePerTransfer).u64(p.feePerByte).u64(p.openDeposit);
  out.u16(genesis.issued.length);
  for (const { handle, amount } of genesis.issued) out.u32(handle).u64(amount);
  return out.finish();
}
