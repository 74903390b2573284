import type { Hasher } from '../../crypto/hasher.ts';
import type { AccountState } from '../../types/account-proof.ts';
import { type Address, type CommitIndex, id, type StatementDigest } from '../../types/ids.ts';
import { PUBLIC_KEY_BYTES } from '../../types/limits.ts';
import { parsePayload } from '../../types/payload.ts';
import type { Receipt } from '../../types/receipt.ts';
import { encodeStatement, type Statement, statementDigest } from '../../types/statement.ts';
import { type AccountHandle, type AssetIndex, transferCount } from '../../types/transaction.ts';
import { accountAddress } from '../../types/transaction-codec.ts';
import { assert } from '../../util/assert.ts';
import { ByteReader } from '../../util/byte-reader.ts';
import { concatBytes, equalBytes } from '../../util/bytes.ts';
import { LedgerError } from '../errors.ts';
import type { LedgerGenesis } from '../genesis.ts';
import type {
  Checkpoint,
  ExecutableBlock,
  ExecutableCommit,
  ExecutedCommit,
  Ledger,
  SenderAccount,
} from '../ledger.ts';
import { Outcomes, OutcomeWriter } from '../outcomes.ts';
import type { Simulation } from '../simulation.ts';
import {
  apply,
  type Effect,
  type Judged,
  judge,
  type Moment,
  type Rules,
  refusal,
  type SignatureOracle,
  type Verdict,
} from './execution.ts';
import { Results } from './results.ts';
import { RootedAccounts, systemRoot } from './roots.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts';
import { ModelState } from './state.ts';

export interface ModelOptions {
  readonly genesis: LedgerGenesis;
  /** The bytes of `accounts.bin`. */
  readonly accounts: Uint8Array;
  readonly simulation?: Simulation;
}

export interface ModelModules {
  readonly hasher: Hasher;
  readonly oracle: SignatureOracle;
}

interface Candidate {
  readonly block: number;
  readonly position: number;
  readonly item: ReturnType<typeof parsePayload>['items'][number];
  readonly verdict: Verdict;
}

const ACCOUNT_ROW_BYTES = PUBLIC_KEY_BYTES + 8;

/**
 * The ledger of docs/spec/ledger.md in plain TypeScript: the oracle of the native engine, and the ledger of simulations. Holds
 * everything in memory and rehashes every page at a checkpoint, so it is for thousands of accounts.
 */
export class ModelLedger implements Ledger {
  readonly #rules: Rules;
  #state: ModelState;
  #results: Results;
  #lastCommit: CommitIndex = 0;
  #lastTimeMs: number;
  #lastCheckpoint: Checkpoint | undefined;
  #rooted: RootedAccounts | undefined;

  /** @throws LedgerError LEDGER_GENESIS */
  constructor({ genesis, accounts, simulation = {} }: ModelOptions, { hasher, oracle }: ModelModules) {
    this.#rules = { genesis, hasher, oracle, simulation };
    this.#state = genesisState(this.#rules, accounts);
    this.#results = new Results(hasher);
    this.#lastTimeMs = genesis.timeMs;
  }

  /**
   * @param appendedKeys what `appendedKeys` gave for all keys
   * @throws LedgerError LEDGER_SNAPSHOT, LEDGER_KEY_FILE
   */
  static restore(
    options: ModelOptions,
    modules: ModelModules,
    parts: readonly Uint8Array[],
    appendedKeys: Uint8Array,
  ): ModelLedger {
    const ledger = new ModelLedger(options, modules);
    ledger.#restore(parts, appendedKeys);
    return ledger;
  }

  get lastCommit(): CommitIndex {
    return this.#lastCommit;
  }

  get lastCheckpoint(): Checkpoint | undefined {
    return this.#lastCheckpoint;
  }

  execute(commit: ExecutableCommit): ExecutedCommit {
    const expected = this.#lastCommit + 1;
    if (commit.index !== expected) {
      const fields = { expected, got: commit.index };
      throw new LedgerError('LEDGER_ORDER', `commit ${expected} is the next to execute, got ${commit.index}`, fields);
    }
    if (commit.timeMs < this.#lastTimeMs) throw new LedgerError('LEDGER_INPUT', 'commit time must not go back');
    const candidates = commit.blocks.flatMap((block) => this.#judge(commit, block));
    const moment: Moment = { index: commit.index, timeMs: commit.timeMs, opens: 0 };
    const out = new OutcomeWriter();
    const counts = { transfers: 0, applied: 0, dropped: 0, internal: 0 };
    for (const candidate of candidates) {
      const effect = this.#apply(moment, candidate, out);
      if (effect === undefined) counts.dropped += 1;
      else counts.applied += 1;
      counts.transfers += effect?.transfers ?? 0;
      counts.internal += effect?.code === 'INTERNAL' ? 1 : 0;
    }
    this.#state.linearise(commit.refs, commit.gcRound);
    this.#state.ageKeys(commit.index, this.#rules.genesis.parameters.registryHistoryCommits);
    this.#lastCommit = commit.index;
    this.#lastTimeMs = commit.timeMs;
    const outcomes = new Outcomes(commit.index, commit.refs, out.finish(), out.length);
    const checkpoint = this.#checkpointAfter(commit);
    return { index: commit.index, outcomes, ...counts, ...(checkpoint && { checkpoint }) };
  }

  account(address: Address): AccountState | undefined {
    const handle = this.#state.handles.get(address);
    return handle === undefined ? undefined : this.accountByHandle(handle);
  }

  sender(address: Address): SenderAccount | undefined {
    const account = this.account(address);
    if (account === undefined) return undefined;
    const { nonce: nextNonce, keyVersion, balances } = account;
    return { nextNonce, keyVersion, feeBalance: balances[0] ?? 0n };
  }

  accountByHandle(handle: AccountHandle): AccountState | undefined {
    const account = this.#state.accounts[handle];
    if (account === undefined) return undefined;
    const { address, keyHash, keyVersion, frozen, nonce, balances } = account;
    return { handle, address, keyHash, keyVersion, frozen, nonce, balances: [...balances] };
  }

  proof(handle: AccountHandle, asset: AssetIndex = 0): Uint8Array | undefined {
    return this.#rooted?.proof(handle, asset);
  }

  snapshot(): readonly Uint8Array[] {
    return encodeSnapshot(this.#rules.genesis.networkId, {
      state: this.#state,
      lastCommit: this.#lastCommit,
      lastTimeMs: this.#lastTimeMs,
      appendedKeys: this.#state.keys.length - this.#rules.genesis.accountCount,
      results: this.#results.pending,
      lastStatement: this.#lastCheckpoint?.statement,
    });
  }

  appendedKeys(first: number, count: number): Uint8Array {
    const from = this.#rules.genesis.accountCount + first;
    return concatBytes(...this.#state.keys.slice(from, from + count));
  }

  close(): void {
    this.#rooted = undefined;
  }

  #judge(commit: ExecutableCommit, block: ExecutableBlock): Candidate[] {
    const position = commit.refs.indexOf(block.ref);
    assert(position >= 0, 'a block to execute is one of the commit');
    const { items } = parsePayload(this.#rules.hasher, block.payload, block.txCount);
    return items.map((item, index) => {
      const verdict = judge(this.#state, this.#rules, item, commit.index, block.executedCommit);
      return { block: position, position: index, item, verdict };
    });
  }

  #apply(moment: Moment, { block, position, item, verdict }: Candidate, out: OutcomeWriter): Effect | undefined {
    const dropped =
      'dropped' in verdict ? verdict.dropped : refusal(this.#state, this.#rules, moment, verdict, item.body.length);
    if (dropped !== undefined) {
      out.dropped(block, position, item.wireKey, item.id, dropped);
      return undefined;
    }
    const judged = verdict as Judged;
    const effect = apply(this.#state, this.#rules, moment, judged);
    const { transaction, sender } = judged;
    const receipt: Receipt = {
      id: item.id,
      commit: moment.index,
      code: effect.code,
      kind: transaction.kind,
      sender,
      nonce: transaction.nonce,
      fee: transaction.fee,
      detail: effect.detail,
      transfers: transferCount(transaction),
      bitmap: effect.bitmap,
    };
    out.applied(block, position, item.wireKey, receipt);
    this.#results.add(receipt);
    return effect;
  }

  #checkpointAfter(commit: ExecutableCommit): Checkpoint | undefined {
    const { genesis, hasher } = this.#rules;
    const { checkpointSpacingMs, checkpointIdleSpacingMs } = genesis.parameters;
    const spacingMs = this.#results.count === 0 ? checkpointIdleSpacingMs : checkpointSpacingMs;
    const last = this.#lastCheckpoint?.statement;
    if (commit.timeMs < (last?.timeMs ?? genesis.timeMs) + spacingMs) return undefined;
    this.#checkSupply();
    this.#rooted = new RootedAccounts(hasher, this.#state);
    const statement: Statement = {
      networkId: genesis.networkId,
      epoch: commit.epoch,
      index: (last?.index ?? 0) + 1,
      previousDigest: this.#lastCheckpoint?.digest ?? id<StatementDigest>(genesis.networkId),
      commitIndex: commit.index,
      commitDigest: commit.digest,
      timeMs: commit.timeMs,
      accountsRoot: this.#rooted.root,
      systemRoot: systemRoot(hasher, genesis, this.#state),
      resultsRoot: this.#results.root(),
      paramsHash: genesis.paramsHash,
    };
    this.#results = new Results(hasher);
    this.#lastCheckpoint = checkpointOf(hasher, statement);
    return this.#lastCheckpoint;
  }

  #checkSupply(): void {
    for (const [asset, supply] of this.#state.supply.entries()) {
      const pool = asset === 0 ? this.#state.feePool : 0n;
      const total = this.#state.accounts.reduce((sum, account) => sum + (account.balances[asset] as bigint), pool);
      if (total !== supply) {
        throw new LedgerError('LEDGER_INVARIANT', 'balances and fee pool do not add up to the supply', { asset });
      }
    }
  }

  #restore(parts: readonly Uint8Array[], appendedKeys: Uint8Array): void {
    const { genesis, hasher } = this.#rules;
    const snapshot = decodeSnapshot(genesis, parts);
    const { state, lastStatement } = snapshot;
    state.keys.push(...this.#state.keys, ...chunks(appendedKeys).slice(0, snapshot.appendedKeys));
    for (const { keySlot, keyHash } of state.accounts) {
      const key = state.keys[keySlot];
      if (key === undefined || !equalBytes(hasher.hash('key', key), keyHash)) {
        throw new LedgerError('LEDGER_KEY_FILE', `the key in slot ${keySlot} is missing or damaged`, { slot: keySlot });
      }
    }
    this.#state = state;
    this.#results = new Results(hasher, snapshot.results);
    this.#lastCommit = snapshot.lastCommit;
    this.#lastTimeMs = snapshot.lastTimeMs;
    this.#lastCheckpoint = lastStatement && checkpointOf(hasher, lastStatement);
    this.#checkSupply();
    if (lastStatement?.commitIndex === snapshot.lastCommit) this.#checkRoots(lastStatement);
  }

  #checkRoots(statement: Statement): void {
    const { genesis, hasher } = this.#rules;
    const rooted = new RootedAccounts(hasher, this.#state);
    const rootsEqual =
      rooted.root === statement.accountsRoot && systemRoot(hasher, genesis, this.#state) === statement.systemRoot;
    if (!rootsEqual || statement.timeMs !== this.#lastTimeMs || this.#results.count !== 0) {
      throw new LedgerError('LEDGER_SNAPSHOT', 'the state does not lead to the roots of its statement');
    }
    this.#rooted = rooted;
  }
}

function checkpointOf(hasher: Hasher, statement: Statement): Checkpoint {
  const bytes = encodeStatement(statement);
  return { index: statement.index, statement, bytes, digest: statementDigest(hasher, statement) };
}

function genesisState({ genesis, hasher, simulation }: Rules, accounts: Uint8Array): ModelState {
  if (accounts.length !== genesis.accountCount * ACCOUNT_ROW_BYTES) {
    throw new LedgerError('LEDGER_GENESIS', 'accounts.bin must have 2,600 bytes for each genesis account');
  }
  const state = new ModelState(genesis.members);
  state.supply.push(0n, ...genesis.issued.map(() => 0n));
  const reader = new ByteReader(accounts);
  for (let handle = 0; handle < genesis.accountCount; handle++) {
    const publicKey = reader.bytes(PUBLIC_KEY_BYTES, 'publicKey');
    const address = accountAddress(hasher, publicKey);
    if (state.handles.has(address)) throw new LedgerError('LEDGER_GENESIS', 'accounts.bin names a public key twice');
    const issued = genesis.issued.map((issue) => (issue.handle === handle ? issue.amount : 0n));
    const balances = [reader.u64('balance'), ...issued];
    const frozen = simulation.frozen?.includes(handle) ?? false;
    const keyHash = hasher.hash('key', publicKey);
    state.open({ address, keyHash, keyVersion: 0, frozen, keySlot: handle, nonce: 0, balances }, publicKey);
    for (const [asset, balance] of balances.entries()) state.supply[asset] = (state.supply[asset] ?? 0n) + balance;
  }
  if (state.supply.some((supply) => supply >= 2n ** 64n)) {
    throw new LedgerError('LEDGER_GENESIS', 'the supply of an asset must be below 2^64');
  }
  return state;
}

function chunks(keys: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.floor(keys.length / PUBLIC_KEY_BYTES) }, (_, index) => {
    return keys.subarray(index * PUBLIC_KEY_BYTES, (index + 1) * PUBLIC_KEY_BYTES);
  });
}
