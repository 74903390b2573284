import type { ReadThrough } from '../cache/index.ts';
import type { NodeService, TransactionStatus } from '../replica/service.ts';
import type { ArchiveLookup } from '../storage/index.ts';
import type { CommitIndex, TransactionId } from '../types/ids.ts';
import { decodeReceipt, encodeReceipt } from '../types/receipt.ts';
import type { Block } from '../types/rest.ts';
import { utf8 } from '../util/bytes.ts';
import { blockView } from './views.ts';

interface ChainReadsModules {
  readonly cache: ReadThrough;
  readonly archive: ArchiveLookup | undefined;
}

/**
 * Reads of what does not change any more: from the node, and where it keeps that no longer from the archive. Those that cost most go through the
 * cache: the ids of a block take a pass over all its bytes, one transaction a whole block. Archive and cache may be ahead of this node, which speaks
 * of nothing before it is final here; `latest` is a height that it knows, so no answer is older than the commit it names.
 */
export class ChainReads {
  readonly #service: NodeService;
  readonly #cache: ReadThrough;
  readonly #archive: ArchiveLookup | undefined;

  constructor(service: NodeService, { cache, archive }: ChainReadsModules) {
    this.#service = service;
    this.#cache = cache;
    this.#archive = archive;
  }

  async block(key: CommitIndex | 'latest' | { readonly hash: string }): Promise<Block | undefined> {
    const { chain } = this.#service;
    const height = key === 'latest' ? chain.lastFinal : key;
    if (typeof height === 'number' && height > chain.lastFinal) return undefined;
    const name = typeof height === 'number' ? String(height) : height.hash;
    const bytes = await this.#cache.getOrLoad(`block/${name}`, async () => {
      const found = await this.#readBlock(height);
      return found && utf8(JSON.stringify(found));
    });
    const block = bytes && (JSON.parse(new TextDecoder().decode(bytes)) as Block);
    return block && block.height <= chain.lastFinal ? block : undefined;
  }

  /** The canonical bytes of a transaction that is final. */
  body(id: TransactionId): Promise<Uint8Array | undefined> {
    const read = async () => (await this.#service.chain.body(id)) ?? this.#archive?.body(id);
    return this.#cache.getOrLoad(`body/${id}`, read);
  }

  /** How far a transaction is; one that the node has forgotten is final if the archive has its receipt. */
  async transaction(id: TransactionId): Promise<TransactionStatus | undefined> {
    const known = this.#service.transaction(id);
    const archive = this.#archive;
    if (known !== undefined || archive === undefined) return known;
    const bytes = await this.#cache.getOrLoad(`receipt/${id}`, async () => {
      const receipt = await archive.receipt(id);
      return receipt && encodeReceipt(receipt);
    });
    const receipt = bytes && decodeReceipt(bytes);
    // Of what is final elsewhere this node does not speak before it is final here.
    if (receipt === undefined || receipt.commit > this.#service.chain.lastFinal) return undefined;
    return { id, level: 'final', receipt };
  }

  async #readBlock(key: CommitIndex | { readonly hash: string }): Promise<Block | undefined> {
    const found = (await this.#service.chain.block(key)) ?? (await this.#archive?.block(key));
    return found && blockView(found);
  }
}
