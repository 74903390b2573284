import type { AccountState, AtCommit, NodeService } from '../replica/service.ts';
import { encodeCertificate } from '../types/certificate.ts';
import { type Address, ID_BYTES, id } from '../types/ids.ts';
import type { AccountProof } from '../types/rest.ts';
import { type Blocks, type Checkpoints, type Evidence, MAX_PAGE_ITEMS } from '../types/rest-chain.ts';
import { MAX_ACCOUNTS } from '../types/transaction.ts';
import { toHex } from '../util/bytes.ts';
import { type AccountHistory, type HistoryQuery, parseCursor } from './account-history.ts';
import type { ChainReads } from './chain-reads.ts';
import type { Handlers, Input } from './endpoints.ts';
import { RestError } from './errors.ts';
import { pageLimit, queryNumber } from './page.ts';
import { accountView, blockSummary, checkpointSummary, checkpointView, signedHeaderView } from './views.ts';

type LedgerHandlers = Pick<
  Handlers,
  | 'getAccount'
  | 'getAccountTransactions'
  | 'getBlock'
  | 'getBlocks'
  | 'getCheckpoint'
  | 'getCheckpoints'
  | 'getEvidence'
>;

export function ledgerHandlers(service: NodeService, reads: ChainReads, history: AccountHistory): LedgerHandlers {
  return {
    getAccount({ params, query }) {
      const found = findAccount(service, params.account);
      const view = accountView(found);
      if (query.proof === 'true') view.proof = proofOf(service, found.value);
      return { status: 200, body: view };
    },
    async getAccountTransactions({ params, query }) {
      const account = findAccount(service, params.account).value;
      const { lastFinal: commit } = service.chain;
      const page = await history.page(historyQuery(service, account, query));
      // Asked for last: what is forgotten while the page was made may be missing in it.
      const { oldest } = history;
      return { status: 200, body: { commit, account: account.handle, oldest, ...page } };
    },
    async getBlock({ params: { block } }) {
      const key = block === 'latest' ? block : isDigest(block) ? { hash: block } : integer(block, 'block');
      const found = await reads.block(key);
      if (found === undefined) {
        const fields = { block, commit: service.chain.lastFinal, oldest: service.chain.oldest };
        throw new RestError('BLOCK_UNKNOWN', 'not committed yet, or no longer kept here', fields);
      }
      return { status: 200, body: found };
    },
    getBlocks: async ({ query }) => ({ status: 200, body: await blocksPage(service, query) }),
    getCheckpoint({ params: { checkpoint } }) {
      const found = service.checkpoint(checkpoint === 'latest' ? checkpoint : integer(checkpoint, 'checkpoint'));
      if (found === undefined) {
        const fields = { checkpoint, commit: service.chain.lastFinal };
        throw new RestError('CHECKPOINT_UNKNOWN', 'not made yet, or no longer kept here', fields);
      }
      return { status: 200, body: checkpointView(found) };
    },
    getCheckpoints: ({ query }) => ({ status: 200, body: checkpointsPage(service, query) }),
    getEvidence: () => ({ status: 200, body: evidenceView(service) }),
  };
}

/** @throws RestError ACCOUNT_UNKNOWN, INVALID_PARAMETER */
export function findAccount(service: NodeService, account: string): AtCommit<AccountState> {
  const found = service.account(accountKey(account));
  if (isPresent(found)) return found;
  const fields = { account, commit: found.commit };
  throw new RestError('ACCOUNT_UNKNOWN', `no such account up to commit ${found.commit}`, fields);
}

function historyQuery(
  service: NodeService,
  { handle, address }: AccountState,
  { cursor, limit, fromMs, toMs, kind, counterparty }: Input<'getAccountTransactions'>['query'],
): HistoryQuery {
  return {
    account: handle,
    address,
    cursor: cursor === undefined ? undefined : parseCursor(cursor),
    limit: pageLimit(limit, MAX_PAGE_ITEMS),
    fromMs: fromMs === undefined ? 0 : queryNumber(fromMs, 'fromMs'),
    toMs: toMs === undefined ? Number.POSITIVE_INFINITY : queryNumber(toMs, 'toMs'),
    kind,
    counterparty: counterparty === undefined ? undefined : findAccount(service, counterparty).value.handle,
  };
}

async function blocksPage(
  { chain }: NodeService,
  query: { from?: string; round?: string; limit?: string },
): Promise<Blocks> {
  const { lastFinal: commit, oldest } = chain;
  if (query.round !== undefined) {
    if (query.from !== undefined || query.limit !== undefined)
      throw new RestError('INVALID_QUERY', 'a round is asked for alone', { parameter: 'round' });
    const found = await chain.commitsOfRound(queryNumber(query.round, 'round'));
    return { commit, oldest, blocks: found.map(blockSummary), next: null };
  }
  const limit = pageLimit(query.limit, MAX_PAGE_ITEMS);
  const first = query.from === undefined ? commit - limit + 1 : queryNumber(query.from, 'from');
  const blocks = await chain.commits(Math.max(first, oldest, 1), limit);
  const next = (blocks.at(-1)?.index ?? commit) + 1;
  return { commit, oldest, blocks: blocks.map(blockSummary), next: next > commit ? null : next };
}

function checkpointsPage(service: NodeService, query: { from?: string; limit?: string }): Checkpoints {
  const { lastCheckpoint } = service.status();
  const limit = pageLimit(query.limit, MAX_PAGE_ITEMS);
  const first =
    query.from === undefined ? Math.max(1, lastCheckpoint - limit + 1) : Math.max(1, queryNumber(query.from, 'from'));
  const checkpoints: Checkpoints['checkpoints'] = [];
  let index = Math.max(first, oldestCheckpoint(service, lastCheckpoint));
  for (; checkpoints.length < limit && index <= lastCheckpoint; index++) {
    const found = service.checkpoint(index);
    if (found !== undefined) checkpoints.push(checkpointSummary(found));
  }
  return { commit: service.chain.lastFinal, checkpoints, next: index > lastCheckpoint ? null : index };
}

/** Newest first until one is missing: a node keeps the last hundred or so. */
export function oldestCheckpoint(service: NodeService, last: number): number {
  let oldest = last;
  while (oldest > 1 && service.checkpoint(oldest - 1) !== undefined) oldest -= 1;
  return oldest;
}

function evidenceView(service: NodeService): Evidence {
  const evidence = service.evidence().map(({ first, second }) => {
    const { author, epoch, round } = first;
    const { name } = service.committee.member(author);
    return { author, name, epoch, round, first: signedHeaderView(first), second: signedHeaderView(second) };
  });
  return { commit: service.chain.lastFinal, evidence };
}

function accountKey(text: string): Address | number {
  if (isDigest(text)) return id<Address>(text);
  const handle = Number(text);
  if (handle < MAX_ACCOUNTS) return handle;
  throw new RestError('INVALID_PARAMETER', 'handles are below 2^32 - 1', { parameter: 'account' });
}

function isPresent(found: AtCommit<AccountState | undefined>): found is AtCommit<AccountState> {
  return found.value !== undefined;
}

function proofOf(service: NodeService, { handle }: AccountState): AccountProof | null {
  const found = service.accountProof(handle);
  if (found?.checkpoint.certificate === undefined) return null;
  const { statement, certificate } = found.checkpoint;
  return { checkpoint: statement.index, certificate: toHex(encodeCertificate(certificate)), page: toHex(found.proof) };
}

function isDigest(text: string): boolean {
  return text.length === 2 * ID_BYTES;
}

function integer(text: string, parameter: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RestError('INVALID_PARAMETER', 'numbers are below 2^53', { parameter });
}
