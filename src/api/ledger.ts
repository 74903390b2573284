import type { AccountState, AtCommit, NodeService } from '../replica/service.ts';
import { encodeCertificate } from '../types/certificate.ts';
import { type Address, ID_BYTES, id } from '../types/ids.ts';
import type { AccountProof } from '../types/rest.ts';
import { MAX_ACCOUNTS } from '../types/transaction.ts';
import { toHex } from '../util/bytes.ts';
import type { Handlers } from './endpoints.ts';
import { RestError } from './errors.ts';
import { accountView, blockView, checkpointView } from './views.ts';

export function ledgerHandlers(service: NodeService): Pick<Handlers, 'getAccount' | 'getBlock' | 'getCheckpoint'> {
  return {
    getAccount({ params, query }) {
      const found = service.account(accountKey(params.account));
      if (!isPresent(found)) {
        const fields = { account: params.account, commit: found.commit };
        throw new RestError('ACCOUNT_UNKNOWN', `no such account up to commit ${found.commit}`, fields);
      }
      const view = accountView(found);
      if (query.proof === 'true') view.proof = proofOf(service, found.value);
      return { status: 200, body: view };
    },
    async getBlock({ params: { block } }) {
      const key = block === 'latest' ? block : isDigest(block) ? { hash: block } : integer(block, 'block');
      const found = await service.block(key);
      if (found === undefined)
        throw new RestError('BLOCK_UNKNOWN', 'not committed yet, or no longer kept here', { block });
      return { status: 200, body: blockView(found) };
    },
    getCheckpoint({ params: { checkpoint } }) {
      const found = service.checkpoint(checkpoint === 'latest' ? checkpoint : integer(checkpoint, 'checkpoint'));
      if (found === undefined) {
        throw new RestError('CHECKPOINT_UNKNOWN', 'not made yet, or no longer kept here', { checkpoint });
      }
      return { status: 200, body: checkpointView(found) };
    },
  };
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
