import type {
  AccountState,
  AtCommit,
  BlockView,
  CheckpointView,
  NodeStatus,
  TransactionStatus,
} from '../replica/service.ts';
import type { BlockRef, SignedHeader } from '../types/block.ts';
import { encodeCertificate } from '../types/certificate.ts';
import type { Commit } from '../types/commit.ts';
import type { CommitIndex } from '../types/ids.ts';
import type { Receipt } from '../types/receipt.ts';
import type * as Rest from '../types/rest.ts';
import type { BlockSummary, CheckpointSummary } from '../types/rest-chain.ts';
import { encodeStatement } from '../types/statement.ts';
import { toHex } from '../util/bytes.ts';

/** What the node knows, as the public API writes it. Each view names its fields, so that nothing is published by accident. */

export function transactionView(status: TransactionStatus, commit: CommitIndex): Rest.Transaction {
  const view: Rest.Transaction = { commit, id: status.id, level: status.level };
  if (status.block !== undefined) view.block = refView(status.block);
  if (status.receipt !== undefined) view.receipt = receiptView(status.receipt);
  if (status.checkpoint !== undefined) view.checkpoint = status.checkpoint;
  if (status.dropped !== undefined) view.dropped = { code: status.dropped.code, retryable: status.dropped.retryable };
  return view;
}

export function accountView({ commit, value }: AtCommit<AccountState>): Rest.Account {
  const { address, handle, keyVersion, nextNonce, frozen, balances } = value;
  const amounts = balances.map(({ asset, amount }) => ({ asset, amount: amount.toString() }));
  return { commit, address, handle, keyVersion, nextNonce: nextNonce.toString(), frozen, balances: amounts };
}

export function blockView({ commit, transactions }: BlockView): Rest.Block {
  return { ...blockSummary(commit), dagBlocks: commit.refs.map(refView), transactions: [...transactions] };
}

export function blockSummary({ index, epoch, timeMs, digest, previousDigest, leader, refs }: Commit): BlockSummary {
  return {
    ...{ height: index, hash: digest, previousHash: previousDigest, epoch, timeMs },
    ...{ leader: refView(leader), dagBlocks: refs.length },
  };
}

export function checkpointSummary({ statement, certificate }: CheckpointView): CheckpointSummary {
  const { index, epoch, commitIndex, timeMs, accountsRoot, resultsRoot } = statement;
  const certified = certificate !== undefined;
  return { index, epoch, commit: commitIndex, timeMs, accountsRoot, resultsRoot, certified };
}

export function signedHeaderView({ ref, bytes, signature }: SignedHeader) {
  return { id: ref.id, header: toHex(bytes), signature: toHex(signature) };
}

export function checkpointView({ statement, certificate }: CheckpointView): Rest.Checkpoint {
  const {
    index,
    epoch,
    commitIndex,
    commitDigest,
    timeMs,
    previousDigest,
    accountsRoot,
    systemRoot,
    resultsRoot,
    paramsHash,
  } = statement;
  return {
    ...{ index, epoch, commit: commitIndex, commitDigest, timeMs, previousDigest },
    ...{ accountsRoot, systemRoot, resultsRoot, paramsHash },
    statement: toHex(encodeStatement(statement)),
    certificate: certificate === undefined ? null : toHex(encodeCertificate(certificate)),
  };
}

export function statusView(status: NodeStatus): Rest.Status {
  const {
    readiness,
    health,
    round,
    gcRound,
    lastProposedRound,
    lastCommit,
    lastExecuted,
    lastCheckpoint,
    lastCertified,
  } = status;
  const { waiting, peers, posture, mempool, optimizer } = status;
  return {
    readiness: readinessView(readiness),
    health: healthView(health),
    reasons: reasonsOf(readiness),
    ...{ round, gcRound, lastProposedRound, lastCommit, lastExecuted, lastCheckpoint, lastCertified },
    waiting: { reason: waiting.reason, awaiting: [...waiting.awaiting] },
    progress: progressView(status.progress),
    peers: peers.map(({ author, name, linked, highestRound, lastSeenMs = null, queuedBytes, trouble = null }) => {
      return { author, name, linked, highestRound, lastSeenMs, queuedBytes, trouble };
    }),
    posture: posture.map((entry) => ({ ...entry })),
    mempool: { transactions: mempool.transactions, bytes: mempool.bytes },
    optimizer,
  };
}

function progressView({ votes, ...progress }: NodeStatus['progress']): Rest.Status['progress'] {
  if (votes === undefined) return { ...progress, votes: null };
  const { checkpoint, timeMs, agreeing, differing, ownFailure = null } = votes;
  return { ...progress, votes: { checkpoint, timeMs, agreeing: [...agreeing], differing: [...differing], ownFailure } };
}

/** Exactly these six fields; everything else goes to `/v1/status`. */
export function healthView({
  status,
  tps,
  latency,
  quantum_level,
  validators,
  uptime,
}: NodeStatus['health']): Rest.Health {
  return { status, tps, latency, quantum_level, validators, uptime };
}

/** The conditions that health asks for; a node may be healthy and yet take no transactions for a while. */
const HEALTH_CONDITIONS = ['alive', 'synced', 'quorumProgressing', 'ableToSign'] as const;

function reasonsOf(readiness: NodeStatus['readiness']): Rest.Status['reasons'] {
  return HEALTH_CONDITIONS.flatMap((condition) => {
    const { ok, code = 'UNKNOWN', reason = '' } = readiness[condition];
    return ok ? [] : [{ condition, code, reason }];
  });
}

export function readinessView(readiness: NodeStatus['readiness']): Rest.Readiness {
  const { alive, synced, quorumProgressing, ableToSign, acceptingTransactions } = readiness;
  return { alive, synced, quorumProgressing, ableToSign, acceptingTransactions };
}

function receiptView(receipt: Receipt): Rest.Receipt {
  const { commit, code, kind, sender, nonce, fee, detail, transfers, bitmap } = receipt;
  return {
    commit,
    code,
    kind,
    sender,
    nonce: String(nonce),
    fee: fee.toString(),
    detail,
    transfers,
    bitmap: toHex(bitmap),
  };
}

function refView({ round, author, id }: BlockRef) {
  return { round, author, id };
}
