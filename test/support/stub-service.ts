import type { CryptoBackend } from '../../src/crypto/backend.ts';
import { signatureContext } from '../../src/crypto/domains.ts';
import { nodeBackend } from '../../src/crypto/node.ts';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import type { Signer } from '../../src/crypto/signer.ts';
import { type Committee, type Member, validatorId } from '../../src/params/committee.ts';
import { decodeGenesis, encodeGenesis, type Genesis } from '../../src/params/genesis.ts';
import { defaultParameters } from '../../src/params/protocol-parameters.ts';
import type {
  AccountState,
  AppliedTransaction,
  AtCommit,
  BlockView,
  Chain,
  CheckpointView,
  CommitContent,
  FinalityLevel,
  NodeEvent,
  NodeService,
  NodeStatus,
  Refusal,
  Statistics,
  Submission,
  TransactionStatus,
} from '../../src/replica/service.ts';
import {
  accountsRootOf,
  encodeAccountProof,
  PAGE_ACCOUNTS,
  pageLeaf,
  STATIC_ROW_BYTES,
} from '../../src/types/account-proof.ts';
import type { BlockRef, Evidence } from '../../src/types/block.ts';
import { type Commit, commitDigest } from '../../src/types/commit.ts';
import {
  type Address,
  type BlockId,
  type CommitDigest,
  id,
  type ParamsHash,
  type StatementDigest,
  type StateRoot,
  type TransactionId,
} from '../../src/types/ids.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import type { Receipt } from '../../src/types/receipt.ts';
import { encodeStatement, type Statement } from '../../src/types/statement.ts';
import { accountAddress, decodeTransactionBody, transactionId } from '../../src/types/transaction-codec.ts';
import { ByteWriter } from '../../src/util/byte-writer.ts';
import { concatBytes } from '../../src/util/bytes.ts';

export const STUB_COMMIT = 812;
const VALIDATORS = 4;

/** The keys and facts of a small network whose genesis, certificate and proofs are real. */
export interface StubNetwork {
  readonly crypto: CryptoBackend;
  readonly genesis: Genesis;
  readonly accounts: readonly StubAccount[];
  readonly checkpoint: CheckpointView;
}

export interface StubAccount {
  readonly signer: Signer;
  readonly address: Address;
  readonly balance: bigint;
}

export async function stubNetwork(): Promise<StubNetwork> {
  const crypto = nodeBackend();
  const signers = Array.from({ length: VALIDATORS }, (_, i) => crypto.signerFromSeed(seed(i)));
  const members = signers
    .map((signer, i) => stubMember(crypto, signer, i))
    .sort((a, b) => (a.validatorId < b.validatorId ? -1 : 1));
  const content = {
    name: 'stub',
    timeMs: 1_700_000_000_000,
    parameters: defaultParameters(VALIDATORS),
    assets: [{ symbol: 'AV', decimals: 6 }],
    members,
    accounts: { file: 'accounts.bin', count: 2, blake3: '00'.repeat(32) },
  };
  const genesis = decodeGenesis(crypto.hasher, encodeGenesis(content));
  const accounts = [100, 101].map((number) => {
    const signer = crypto.signerFromSeed(seed(number));
    return { signer, address: accountAddress(crypto.hasher, signer.publicKey), balance: BigInt(number) * 1_000_000n };
  });
  const statement = stubStatement(crypto, genesis, accounts);
  const context = signatureContext('ckpt', Uint8Array.fromHex(genesis.networkId));
  const votes = await Promise.all(
    genesis.committee.members.slice(0, 3).map(async ({ consensusKey }, author) => {
      const signer = signers.find(({ publicKey }) => publicKey.toHex() === consensusKey.toHex()) as Signer;
      return { author, signature: await signer.sign(context, encodeStatement(statement)) };
    }),
  );
  return {
    crypto,
    genesis,
    accounts,
    checkpoint: { statement, certificate: { statement, members: VALIDATORS, votes } },
  };
}

/** A `NodeService` without a node behind it: what it answers is what the test put there. For tests of routes and of the client only. */
export class StubService implements NodeService {
  readonly genesis: Genesis;
  readonly committee: Committee;
  readonly own = 0;
  readonly sources: string[] = [];
  readonly submitted: SignedBody[] = [];
  /** What `submit` answers, if set; otherwise nonces are checked as a mempool would. */
  refusal: Refusal | undefined;
  failure: Error | undefined;
  isProvable = true;
  currentStatus = stubStatus();
  proofs: readonly Evidence[] = [];
  readonly chain: StubChain;
  readonly #network: StubNetwork;
  readonly #nextNonces = new Map<Address, number>();
  readonly #slots = new Set<string>();
  readonly #transactions = new Map<TransactionId, TransactionStatus>();
  readonly #waiting = new Map<TransactionId, ((status: TransactionStatus | undefined) => void)[]>();
  readonly #listeners = new Set<(event: NodeEvent) => void>();

  constructor(network: StubNetwork) {
    this.#network = network;
    this.genesis = network.genesis;
    this.committee = network.genesis.committee;
    this.chain = new StubChain(stubBlock(network.crypto));
  }

  async submit(items: readonly SignedBody[], source: string): Promise<readonly Submission[]> {
    if (this.failure !== undefined) throw this.failure;
    this.sources.push(source);
    return items.map((item) => this.#submitOne(item));
  }

  transaction(txId: TransactionId): TransactionStatus | undefined {
    return this.#transactions.get(txId);
  }

  async waitFor(txId: TransactionId, _level: string, timeoutMs: number): Promise<TransactionStatus | undefined> {
    if (timeoutMs === 0) return this.transaction(txId);
    const { promise, resolve } = Promise.withResolvers<TransactionStatus | undefined>();
    this.#waiting.set(txId, [...(this.#waiting.get(txId) ?? []), resolve]);
    return promise;
  }

  /** How many wait for the transaction. */
  waiting(txId: TransactionId): number {
    return this.#waiting.get(txId)?.length ?? 0;
  }

  /** Moves a transaction on and answers those that wait for it. */
  reach(txId: TransactionId, level: FinalityLevel): TransactionStatus {
    const status = stubTransaction(txId, level);
    this.#transactions.set(txId, status);
    for (const resolve of this.#waiting.get(txId) ?? []) resolve(status);
    this.#waiting.delete(txId);
    return status;
  }

  /** As if this were how far a transaction is. */
  put(status: TransactionStatus): void {
    this.#transactions.set(status.id, status);
  }

  account(key: Address | number): AtCommit<AccountState | undefined> {
    const { accounts } = this.#network;
    const handle = typeof key === 'number' ? key : accounts.findIndex(({ address }) => address === key);
    const account = accounts[handle];
    if (account === undefined) return { commit: STUB_COMMIT, value: undefined };
    const { address, balance } = account;
    const nextNonce = this.#nextNonces.get(address) ?? 0;
    const balances = [{ asset: 0, amount: balance }];
    return { commit: STUB_COMMIT, value: { address, handle, keyVersion: 0, nextNonce, frozen: false, balances } };
  }

  /** As if transactions below `nonce` were executed. */
  setNextNonce(address: Address, nonce: number): void {
    this.#nextNonces.set(address, nonce);
  }

  /** As if another transaction of the account waited with this nonce. */
  takeSlot(address: Address, nonce: number): void {
    this.#slots.add(`${address}:${nonce}`);
  }

  accountProof(handle: number): { checkpoint: CheckpointView; proof: Uint8Array } | undefined {
    if (!this.isProvable) return undefined;
    const { accounts, checkpoint } = this.#network;
    return { checkpoint, proof: encodeAccountProof({ ...stubPage(this.#network.crypto, accounts), handle }) };
  }

  checkpoint(index: number | 'latest'): CheckpointView | undefined {
    const { checkpoint } = this.#network;
    return index === 'latest' || index === checkpoint.statement.index ? checkpoint : undefined;
  }

  status(): NodeStatus {
    return this.currentStatus;
  }

  statistics(): Statistics {
    return { commit: STUB_COMMIT, since: 800, applied: 20, dropped: 1, transfers: 160, accounts: 2 };
  }

  evidence(): readonly Evidence[] {
    return this.proofs;
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  emit(event: NodeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #submitOne(item: SignedBody): Submission {
    if (this.refusal !== undefined) return { id: undefined, status: 'refused', refusal: this.refusal };
    const { sender, nonce } = decodeTransactionBody(item.body);
    const txId = transactionId(this.#network.crypto.hasher, item.body);
    const slot = `${sender}:${nonce}`;
    if (this.#transactions.has(txId)) return { id: txId, status: 'known' };
    if (nonce < (this.#nextNonces.get(sender) ?? 0))
      return { id: txId, status: 'refused', refusal: refusalOf('NONCE_USED') };
    if (this.#slots.has(slot)) return { id: txId, status: 'refused', refusal: refusalOf('SLOT_TAKEN') };
    this.#slots.add(slot);
    this.submitted.push(item);
    this.#transactions.set(txId, { id: txId, level: 'accepted' });
    return { id: txId, status: 'accepted' };
  }
}

/** One block, and whatever a test adds behind it. */
export class StubChain implements Chain {
  lastFinal = STUB_COMMIT;
  oldest = STUB_COMMIT;
  /** Receipts of older commits are missing. */
  receiptsFrom = 0;
  /** Receipts of newer commits are missing. */
  receiptsThrough = Number.POSITIVE_INFINITY;
  readonly #block: BlockView;
  readonly #added = new Map<number, CommitContent>();

  constructor(block: BlockView) {
    this.#block = block;
  }

  get contentFrom(): number {
    return Math.max(this.oldest, this.receiptsFrom);
  }

  get contentThrough(): number {
    return Math.min(this.lastFinal, this.receiptsThrough);
  }

  async knownSinceMs(): Promise<number> {
    return this.contentFrom <= STUB_COMMIT
      ? 0
      : ((await this.commits(this.contentFrom, 1))[0]?.timeMs ?? Number.POSITIVE_INFINITY);
  }

  /** The next commit, with these transactions. */
  add(applied: readonly AppliedTransaction[], count = applied.length): number {
    this.lastFinal += 1;
    const timeMs = this.#block.commit.timeMs + this.lastFinal - STUB_COMMIT;
    const commit = { ...this.#block.commit, index: this.lastFinal, timeMs };
    this.#added.set(this.lastFinal, { commit, count, applied });
    return this.lastFinal;
  }

  async block(key: number | 'latest' | { readonly hash: string }): Promise<BlockView | undefined> {
    const { commit } = this.#block;
    const isThis = key === 'latest' || key === commit.index || (typeof key === 'object' && key.hash === commit.digest);
    return isThis ? this.#block : undefined;
  }

  async commits(first: number, limit: number): Promise<readonly Commit[]> {
    const all = [this.#block.commit, ...[...this.#added.values()].map(({ commit }) => commit)];
    return all.filter(({ index }) => index >= first).slice(0, limit);
  }

  async commitsOfRound(round: number): Promise<readonly Commit[]> {
    return round === this.#block.commit.leader.round ? [this.#block.commit] : [];
  }

  async content(index: number): Promise<CommitContent | undefined> {
    if (index < this.contentFrom) return undefined;
    return this.#added.get(index) ?? { commit: this.#block.commit, count: 1, applied: [] };
  }

  touching(_account: number, before: number, limit: number): number[] {
    const kept = [...this.#added.keys()].filter((index) => index < before && index >= this.contentFrom);
    return kept.reverse().slice(0, limit);
  }

  async body(txId: TransactionId): Promise<Uint8Array | undefined> {
    const all = [...this.#added.values()].flatMap(({ applied }) => applied);
    return all.find(({ receipt }) => receipt.id === txId)?.body;
  }
}

export function refusalOf(code: string, more: Partial<Refusal> = {}): Refusal {
  return { code, message: `refused for ${code}`, fields: {}, retryable: false, ...more };
}

function seed(number: number): SecretBytes {
  return new SecretBytes(new Uint8Array(32).fill(number + 1));
}

/** The three keys of a member are one here: what they are for is not what these tests are about. */
function stubMember({ hasher }: CryptoBackend, { publicKey }: Signer, i: number): Member {
  const keys = { identityKey: publicKey, consensusKey: publicKey, linkKey: publicKey };
  const place = { peerId: `peer-${i}`, address: `127.0.0.1:3031${i}` };
  return { validatorId: validatorId(hasher, publicKey), name: `validator-${i}`, power: 1, ...keys, ...place };
}

function stubPage({ hasher }: CryptoBackend, accounts: readonly StubAccount[]) {
  const column = (values: readonly bigint[]): Uint8Array => {
    const out = new ByteWriter();
    for (let row = 0; row < PAGE_ACCOUNTS; row++) out.u64(values[row] ?? 0n);
    return out.finish();
  };
  const rows = accounts.map(({ address, signer }) => {
    return new ByteWriter().hex(address, 32).bytes(hasher.hash('key', signer.publicKey)).u32(0).u32(0).finish();
  });
  const empty = new Uint8Array((PAGE_ACCOUNTS - rows.length) * STATIC_ROW_BYTES);
  const statics = concatBytes(...rows, empty);
  const balances = column(accounts.map(({ balance }) => balance));
  return { accountCount: accounts.length, statics, nonces: column([]), balances, path: [], furtherRoots: [] };
}

function stubStatement(crypto: CryptoBackend, { networkId }: Genesis, accounts: readonly StubAccount[]): Statement {
  const { statics, nonces, balances } = stubPage(crypto, accounts);
  const leaf = pageLeaf(crypto.hasher, 0, crypto.hasher.hash('static', statics), nonces, balances);
  return {
    networkId,
    epoch: 1,
    index: 7,
    previousDigest: id<StatementDigest>('11'.repeat(32)),
    commitIndex: 800,
    commitDigest: id<CommitDigest>('22'.repeat(32)),
    timeMs: 1_700_000_100_000,
    accountsRoot: accountsRootOf(crypto.hasher, accounts.length, [leaf]),
    systemRoot: id<StateRoot>('33'.repeat(32)),
    resultsRoot: id<StateRoot>('44'.repeat(32)),
    paramsHash: id<ParamsHash>('55'.repeat(32)),
  };
}

function stubBlock({ hasher }: CryptoBackend): BlockView {
  const leader: BlockRef = { round: 2_431, author: 1, id: id<BlockId>('66'.repeat(32)) };
  const previousDigest = id<CommitDigest>('77'.repeat(32));
  const commit = { index: STUB_COMMIT, epoch: 1, leader, timeMs: 1_700_000_101_000, previousDigest, refs: [leader] };
  const transactions = [id<TransactionId>('88'.repeat(32))];
  return { commit: { ...commit, digest: commitDigest(hasher, commit) }, transactions };
}

function stubTransaction(txId: TransactionId, level: FinalityLevel): TransactionStatus {
  const block: BlockRef = { round: 9, author: 2, id: id<BlockId>('99'.repeat(32)) };
  const receipt: Receipt = {
    ...{ id: txId, commit: STUB_COMMIT, code: 'PARTIAL', kind: 'transfer-batch', sender: 0, nonce: 3, fee: 5n },
    ...{ detail: 1, transfers: 2, bitmap: Uint8Array.of(1) },
  };
  switch (level) {
    case 'accepted':
      return { id: txId, level };
    case 'included':
      return { id: txId, level, block };
    case 'final':
      return { id: txId, level, block, receipt };
    case 'certified':
      return { id: txId, level, block, receipt, checkpoint: 7 };
    case 'dropped':
      return { id: txId, level, dropped: { code: 'EXPIRED', retryable: false } };
  }
}

export function stubStatus(): NodeStatus {
  const flag = { ok: true };
  return {
    readiness: { alive: flag, synced: flag, quorumProgressing: flag, ableToSign: flag, acceptingTransactions: flag },
    health: { status: 'healthy', tps: 12.5, latency: 31, quantum_level: 0, validators: 4, uptime: 60 },
    ...{ round: 2_433, gcRound: 1_400, lastProposedRound: 2_433, lastCommit: STUB_COMMIT, lastExecuted: STUB_COMMIT },
    ...{ lastCheckpoint: 8, lastCertified: 7 },
    waiting: { reason: 'blocks of a quorum', awaiting: [3] },
    progress: { sinceCommitMs: 41_000, nextAttemptMs: 400, clockOffMs: 0, votes: undefined },
    peers: [
      {
        ...{ author: 3, name: 'validator-3', linked: false, highestRound: 2_400, lastSeenMs: 41_000.5, queuedBytes: 0 },
        trouble: { code: 'CONNECTION_REFUSED', detail: 'connect ECONNREFUSED', nextDialMs: 4_000 },
      },
    ],
    posture: [
      { subject: 'validator-0', purpose: 'consensus', algorithm: 'ML-DSA-87', category: 5 },
      { subject: 'validator-3', purpose: 'link', algorithm: 'X25519', category: 0, since: 1, note: 'classical' },
    ],
    mempool: { transactions: 1, bytes: 5_000 },
    optimizer: 'off',
  };
}
