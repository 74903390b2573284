import { type Core, DEFAULT_PACING, defaultBounds } from '../../src/consensus/index.ts';
import type { Hasher } from '../../src/crypto/hasher.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import type { Signer } from '../../src/crypto/signer.ts';
import { ledgerGenesis, VERIFY_STATUS } from '../../src/execution/index.ts';
import type { Genesis } from '../../src/params/genesis.ts';
import type { ProtocolParameters } from '../../src/params/protocol-parameters.ts';
import {
  DEFAULT_ADMISSION_OPTIONS,
  DEFAULT_MEMPOOL_OPTIONS,
  inlineVerifier,
  type MempoolOptions,
} from '../../src/pipeline/index.ts';
import { DEFAULT_REPLICA_OPTIONS, type ReplicaOptions } from '../../src/replica/options.ts';
import { replayReceipts } from '../../src/replica/receipt-feed.ts';
import { initialise, type RestartModules, type RestartOptions, restart } from '../../src/replica/restart.ts';
import { Validator } from '../../src/replica/validator.ts';
import { type BlockLogOptions, MemoryReceiptIndex, storageMetrics } from '../../src/storage/index.ts';
import {
  type Address,
  type CommitDigest,
  type CommitIndex,
  id,
  type Round,
  type TransactionId,
} from '../../src/types/ids.ts';
import { parsePayload, type SignedBody } from '../../src/types/payload.ts';
import {
  accountAddress,
  decodeEnvelope,
  encodeTransactionBody,
  transactionId,
} from '../../src/types/transaction-codec.ts';
import { assertDefined } from '../../src/util/assert.ts';
import { ByteWriter } from '../../src/util/byte-writer.ts';
import { toHex, utf8 } from '../../src/util/bytes.ts';
import type { Clock } from '../../src/util/clock.ts';
import { NO_INSTRUMENTS } from '../../src/util/instruments.ts';
import { type Logger, SILENT_LOGGER } from '../../src/util/logger.ts';
import { Prng } from '../../src/util/prng.ts';
import type { Transport } from '../../src/util/transport.ts';
import { type ClusterCrypto, realCrypto, simulatedCrypto } from './cluster-crypto.ts';
import { ACCOUNTS, makeGenesis } from './cluster-genesis.ts';
import { CountingInstruments } from './counting-instruments.ts';
import { MemoryNetwork, type MemoryNetworkOptions } from './memory-transport.ts';
import { OwnBlocks } from './own-blocks.ts';
import { SharedIdentity } from './shared-identity.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { VirtualTime } from './virtual-time.ts';

/** Of each account at the start. */
export const BALANCE = 1_000_000n;
/** Of every node, on a disk of its own. */
export const PATHS = { log: 'data/log', snapshots: 'data/snapshots', guard: 'guard/guard' };

export interface ClusterOptions {
  readonly powers: readonly number[];
  readonly seed: number;
  readonly parameters?: Partial<ProtocolParameters>;
  readonly network?: Partial<MemoryNetworkOptions>;
  readonly replica?: Partial<ReplicaOptions>;
  readonly log?: Partial<BlockLogOptions>;
  readonly mempool?: Partial<MempoolOptions>;
  /** One node more, the last, which has the keys of this member. */
  readonly cloneOf?: number;
  /** Nodes whose ledger starts with a coin more than the others'. */
  readonly divergent?: readonly number[];
  /** ML-DSA-87 and the native ledger instead of tags and the model; `dispose` must be called then. */
  readonly real?: boolean;
  /** Everything the nodes log and do, a line each with the virtual time in front. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** What differs from a plain transfer. */
export interface TransferChanges {
  readonly amount?: bigint;
  readonly nonce?: number;
  readonly fee?: bigint;
  readonly expiryMs?: number;
}

interface Node {
  /** The member whose keys it has: its own index, but for a clone. */
  readonly member: number;
  readonly disk: SimulatedDisk;
  readonly instruments: CountingInstruments;
  validator: Validator | undefined;
  /** Every commit this node ever reported, over all its lives. */
  readonly commits: Map<CommitIndex, CommitDigest>;
  readonly finals: Map<TransactionId, CommitIndex>;
  readonly checkpoints: Map<number, string>;
  /** The newest commit of which it called a transaction final since its disk was new: it must be on this disk, whatever happens. */
  promised: CommitIndex;
  halted: string | undefined;
  /** What it complained about in its peers, and why it did not vote or sync. */
  readonly complaints: string[];
  boot: number;
  /** Its wall clock is wrong by so much. */
  clockSkewMs: number;
  /** Decisions of slots below this round are counted. */
  countedRound: Round;
}

/**
 * A network of whole validators in one process under virtual time, over a simulated network and simulated disks: the production code from the
 * transport's frames to the disk's bytes, with signatures that cost nothing.
 */
export class Cluster {
  readonly time = new VirtualTime();
  readonly network: MemoryNetwork;
  readonly genesis: Genesis;
  readonly accounts: readonly { readonly address: Address; readonly publicKey: Uint8Array; nonce: number }[];
  readonly nodes: readonly Node[];
  readonly hasher: Hasher = nativeBackend().hasher;
  /** Every own block that anybody ever sent. */
  readonly ownBlocks: OwnBlocks;
  /** Slots by the way they were decided, of all nodes together. */
  readonly decisions: Record<string, number> = {};
  readonly #prng: Prng;
  readonly #options: ClusterOptions;
  readonly #crypto: ClusterCrypto;
  readonly #accountsBin: Uint8Array;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#crypto = options.real === true ? realCrypto() : simulatedCrypto(this.hasher);
    this.#prng = new Prng(options.seed);
    this.ownBlocks = new OwnBlocks(this.hasher);
    this.network = new MemoryNetwork({
      nodes: this.#members().length,
      time: this.time,
      prng: new Prng(options.seed + 1),
      ...options.network,
    });
    const keys = Array.from({ length: ACCOUNTS }, () => this.#crypto.makeKey(this.#prng));
    this.accounts = keys.map((publicKey) => ({ publicKey, address: accountAddress(this.hasher, publicKey), nonce: 0 }));
    const rows = new ByteWriter();
    for (const key of keys) rows.bytes(key).u64(BALANCE);
    this.#accountsBin = rows.finish();
    this.genesis = makeGenesis(options.powers, options.parameters ?? {}, this.#accountsBin, {
      hasher: this.hasher,
      timeMs: this.time.wallMs(),
      makeKey: () => this.#crypto.makeKey(this.#prng),
    });
    this.nodes = this.#members().map((member, i) => ({
      member,
      disk: new SimulatedDisk(options.seed * 100 + i),
      instruments: new CountingInstruments(),
      validator: undefined,
      commits: new Map(),
      finals: new Map(),
      checkpoints: new Map(),
      promised: 0,
      halted: undefined,
      complaints: [],
      boot: 0,
      clockSkewMs: 0,
      countedRound: 0,
    }));
  }

  async startAll(): Promise<void> {
    for (const index of this.#options.powers.keys()) {
      await initialise(this.#restartOptions(index, false), this.#restartModules(index));
      await this.start(index);
    }
  }

  async start(index: number, recoverIdentity = false): Promise<void> {
    const node = this.node(index);
    node.boot += 1;
    const { boot } = node;
    const receipts = new MemoryReceiptIndex({ retainCommits: 100_000 });
    const restarted = await restart(this.#restartOptions(index, recoverIdentity), {
      ...this.#restartModules(index),
      replayed: async (result) => {
        await replayReceipts(receipts, result);
        this.#note(node, result.index, result.checkpoint);
      },
    });
    const { lastCommit } = restarted.ledger;
    if (lastCommit < node.promised)
      throw new Error(`node ${index} forgot commits from ${lastCommit} on: ${node.promised} was final`);
    const { committee, networkId } = this.genesis;
    const bootId = toHex(this.#prng.bytes(16));
    const options = { ...DEFAULT_REPLICA_OPTIONS, ...this.#options.replica };
    const { hasher } = this;
    const { verifier } = this.#crypto;
    const validator = new Validator(
      {
        identity: { networkId, epoch: 1, own: node.member, bootId },
        core: this.#restartOptions(index, false).core,
        options,
        genesis: this.genesis,
        mempool: { ...DEFAULT_MEMPOOL_OPTIONS, ...this.#options.mempool },
        admission: { ...DEFAULT_ADMISSION_OPTIONS, trustedSources: ['test'] },
        optimizer: 'off',
      },
      {
        hasher,
        verifier,
        signer: this.#crypto.signer(committee.member(node.member).consensusKey),
        transport: this.ownBlocks.tap(node.member, this.#transport(index)),
        clock: this.#clock(index),
        timers: this.network.timers(index),
        logger: this.#logger(index),
        instruments: node.instruments,
        signatures: inlineVerifier((payload, count) => this.#checkSignatures(payload, count)),
        receipts,
        verifyLoad: () => 0,
        posture: () => [],
        linkTrouble: () => undefined,
      },
      restarted,
    );
    validator.subscribe((event) => {
      // A dead process may still notice that its disk is gone.
      if (node.boot !== boot || node.validator !== validator || node.disk.isOff) return;
      if (event.type === 'commit') {
        const { index: commit, leader, digest } = event.commit;
        this.trace(`node ${index} commit ${commit}`, { leader: `${leader.author}@${leader.round}`, digest });
        this.#countDecisions(node, validator.replica.core, leader.round);
        this.#note(node, commit, restarted.ledger.lastCheckpoint, digest);
      }
      if (event.type === 'transaction' && event.status.level === 'final') {
        const commit = event.status.receipt?.commit ?? 0;
        node.promised = Math.max(node.promised, commit);
        merge(node.finals, new Map([[event.status.id, commit]]), 'final');
      }
      if (event.type === 'halted') node.halted = `${event.code}: ${event.message}`;
    });
    node.validator = validator;
    await validator.start();
  }

  /** Gives a node the files of another as they are now. */
  async copyFiles(from: number, to: number): Promise<void> {
    for (const folder of [PATHS.log, 'guard']) await this.node(to).disk.makeDirectory(folder);
    for (const path of ['data/log/segment-0000000.log', PATHS.guard])
      this.node(to).disk.plant(path, this.node(from).disk.contents(path));
  }

  /** As `kill -9`, or with `power-cut` as if the plug was pulled. */
  crash(index: number, cause: 'killed' | 'power-cut'): void {
    const node = this.node(index);
    this.network.kill(index);
    node.disk.restart(cause);
    node.validator = undefined;
  }

  wipe(index: number): void {
    this.crash(index, 'killed');
    // Without fault tolerance a recovered member may use a round again whose block reached nobody (docs/spec/storage.md).
    if (this.genesis.committee.f === 0) this.ownBlocks.forgetInFlight(index);
    const node = this.node(index) as { disk: SimulatedDisk; promised: CommitIndex };
    node.disk = new SimulatedDisk(this.#options.seed * 100 + 50 + index);
    node.promised = 0;
  }

  /** Runs virtual time, letting promises settle after each event. */
  async run(ms: number): Promise<void> {
    await this.runUntil(() => false, ms);
  }

  async runUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
    const untilMs = this.time.monotonicMs() + limitMs;
    await settle();
    while (!condition()) {
      if (!this.time.step(untilMs)) break;
      await settle();
    }
    if (condition()) return true;
    this.time.advance(untilMs - this.time.monotonicMs());
    await settle();
    return condition();
  }

  /** A signed transfer of 1 from an account to the next one, with the account's next nonce unless `changes` has another. */
  transfer(from: number, changes: TransferChanges = {}): SignedBody & { readonly id: TransactionId } {
    const account = assertDefined(this.accounts[from], 'account');
    const body = encodeTransactionBody({
      kind: 'transfer-batch',
      sender: account.address,
      keyVersion: 0,
      nonce: changes.nonce ?? account.nonce++,
      expiryMs: changes.expiryMs ?? this.time.wallMs() + 3_600_000,
      fee: changes.fee ?? 0n,
      asset: 0,
      atomic: true,
      recipients: Uint32Array.of((from + 1) % ACCOUNTS),
      amounts: BigUint64Array.of(changes.amount ?? 1n),
    });
    return {
      id: transactionId(this.hasher, body),
      body,
      signature: this.#crypto.signTransaction(this.genesis.networkId, account.publicKey, body),
    };
  }

  /** What a faulty member signs with. */
  signerOf(index: number): Signer {
    return this.#crypto.signer(this.genesis.committee.member(index).consensusKey);
  }

  /** Takes away what `real` has put on the machine's disk. */
  dispose(): void {
    this.#crypto.dispose();
  }

  node(index: number): Node {
    return assertDefined(this.nodes[index], 'node index');
  }

  validator(index: number): Validator {
    return assertDefined(this.node(index).validator, 'node is running');
  }

  /** Throws when two nodes ever disagreed on a commit, a receipt or a checkpoint's state, or one said two things; returns the longest history. */
  assertAgreement(): Map<CommitIndex, CommitDigest> {
    const commits = new Map<CommitIndex, CommitDigest>();
    const finals = new Map<TransactionId, CommitIndex>();
    const statements = new Map<number, string>();
    this.ownBlocks.assertNoTwins();
    for (const [index, node] of this.nodes.entries()) {
      if (node.halted !== undefined) throw new Error(`node ${index} halted: ${node.halted}`);
      merge(commits, node.commits, `commit of node ${index}`);
      merge(finals, node.finals, `final of node ${index}`);
      merge(statements, node.checkpoints, `checkpoint of node ${index}`);
    }
    return commits;
  }

  /** Slots of the rounds before that of a new commit's leader: all decided by now, unless the commits came from a peer. */
  #countDecisions(node: Node, core: Core, leaderRound: Round): void {
    const { leadersPerRound } = this.genesis.parameters;
    for (let round = Math.max(1, node.countedRound, core.gcRound + 1); round < leaderRound; round++) {
      for (let offset = 0; offset < leadersPerRound; offset++) {
        const { decision } = core.statusOf({ round, offset });
        this.decisions[decision] = (this.decisions[decision] ?? 0) + 1;
      }
    }
    node.countedRound = Math.max(node.countedRound, leaderRound);
  }

  /** Digest of what every node committed, certified and called final, and of the time it took. */
  fingerprint(): string {
    const seen = this.nodes.map(({ commits, finals, checkpoints }) => [[...commits], [...finals], [...checkpoints]]);
    return toHex(this.hasher.plain(utf8(JSON.stringify([this.time.monotonicMs(), seen]))).subarray(0, 8));
  }

  trace(line: string, fields?: object): void {
    this.#options.trace?.(
      `${this.time.monotonicMs().toFixed(1).padStart(10)} ${line}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}`,
    );
  }

  /** The member behind each node. */
  #members(): number[] {
    const { powers, cloneOf } = this.#options;
    return [...powers.keys(), ...(cloneOf === undefined ? [] : [cloneOf])];
  }

  #transport(index: number): Transport {
    const { cloneOf, powers } = this.#options;
    const transport = this.network.transport(index);
    return cloneOf === undefined ? transport : new SharedIdentity(cloneOf, powers.length).transport(index, transport);
  }

  #clock(index: number): Clock {
    return {
      wallMs: () => this.time.wallMs() + this.node(index).clockSkewMs,
      monotonicMs: () => this.time.monotonicMs(),
    };
  }

  /** Keeps warnings and errors; the rest is only traced. */
  #logger(index: number): Logger {
    const { complaints } = this.node(index);
    const log = (message: string, fields?: object): void => {
      this.trace(`node ${index} ${message}`, fields);
    };
    const complain = (message: string, fields?: object): void => {
      complaints.push(`${message} ${JSON.stringify(fields ?? {})}`);
      log(message, fields);
    };
    const logger: Logger = { debug: log, info: log, warn: complain, error: complain, child: () => logger };
    return logger;
  }

  #note(
    node: Node,
    index: CommitIndex,
    checkpoint: { readonly index: number; readonly digest: string } | undefined,
    digest?: CommitDigest,
  ): void {
    if (digest !== undefined) merge(node.commits, new Map([[index, digest]]), 'own commit');
    if (checkpoint !== undefined)
      merge(node.checkpoints, new Map([[checkpoint.index, checkpoint.digest]]), 'own checkpoint');
  }

  #restartOptions(index: number, recoverIdentity: boolean): RestartOptions {
    const { committee, parameters, networkId, timeMs } = this.genesis;
    const { member: own } = this.node(index);
    const core = {
      committee,
      parameters,
      epoch: 1,
      own,
      genesis: { digest: id<CommitDigest>(networkId), timeMs },
      pacing: DEFAULT_PACING,
      bounds: defaultBounds(committee.size, parameters.gcDepth),
    };
    return {
      networkId,
      validatorId: committee.member(own).validatorId,
      core,
      paths: PATHS,
      log: this.#options.log ?? {},
      payloadCacheBytes: 16 * 1024 * 1024,
      recoverIdentity,
    };
  }

  #restartModules(index: number): RestartModules {
    const prng = new Prng(this.#options.seed * 1_000 + index);
    return {
      disk: this.node(index).disk,
      hasher: this.hasher,
      random: { bytes: (length) => prng.bytes(length) },
      clock: this.#clock(index),
      metrics: storageMetrics(NO_INSTRUMENTS),
      timers: this.network.timers(index),
      logger: SILENT_LOGGER,
      openLedger: (snapshot) => {
        const genesis = ledgerGenesis(this.hasher, this.genesis);
        return this.#crypto.openLedger(index, genesis, this.#accountsOf(index), snapshot);
      },
      runnerOf: (ledger) => ({ execute: async (commit) => ledger.execute(commit) }),
      replayed: async () => undefined,
    };
  }

  #accountsOf(index: number): Uint8Array {
    if (!this.#options.divergent?.includes(index)) return this.#accountsBin;
    const changed = Uint8Array.from(this.#accountsBin);
    changed[changed.length - 8] = (changed.at(-8) as number) + 1;
    return changed;
  }

  #checkSignatures(payload: Uint8Array, count: number): Uint8Array {
    const { items } = parsePayload(this.hasher, payload, count);
    return Uint8Array.from(items, ({ body, signature }) => {
      const account = this.accounts.find(({ address }) => address === decodeEnvelope(body).sender);
      if (account === undefined) return VERIFY_STATUS.unknownKey;
      return this.#crypto.isSignedBy(this.genesis.networkId, account.publicKey, body, signature)
        ? VERIFY_STATUS.valid
        : VERIFY_STATUS.wrongSignature;
    });
  }
}

function merge<K, V>(into: Map<K, V>, from: ReadonlyMap<K, V>, what: string): void {
  for (const [key, value] of from) {
    const known = into.get(key);
    if (known !== undefined && known !== value)
      throw new Error(`${what} ${String(key)}: ${String(value)} instead of ${String(known)}`);
    into.set(key, value);
  }
}

/** Every promise that can settle without time passing has settled. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
