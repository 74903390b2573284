import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signatureContext } from '../../src/crypto/domains.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import { type LedgerGenesis, NativeLedger } from '../../src/execution/index.ts';
import { defaultParameters } from '../../src/params/protocol-parameters.ts';
import { type Address, id, type NetworkId, type ParamsHash } from '../../src/types/ids.ts';
import { MAX_TRANSFERS, PUBLIC_KEY_BYTES } from '../../src/types/limits.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import type { DataAnchor, Transaction, TransferBatch } from '../../src/types/transaction.ts';
import { accountAddress, encodeTransactionBody } from '../../src/types/transaction-codec.ts';
import { ByteWriter } from '../../src/util/byte-writer.ts';

const backend = nativeBackend();
const BALANCE = 1_000_000_000n;

/** A native ledger of one account, and the account's key. */
export class PipelineLedger {
  readonly ledger: NativeLedger;
  readonly sender: Address;
  readonly publicKey: Uint8Array;
  /** What the account's signatures are made under. */
  readonly context: Uint8Array;
  readonly #seed: SecretBytes;
  readonly #folder = mkdtempSync(join(tmpdir(), 'av10-pipeline-'));

  constructor(network: number) {
    const { seed, publicKey } = backend.generateKeyPair(new SecretBytes(new Uint8Array(32).fill(3)));
    this.#seed = seed;
    this.publicKey = publicKey;
    this.sender = accountAddress(backend.hasher, publicKey);
    const networkId = new Uint8Array(32).fill(network);
    this.context = signatureContext('tx', networkId);
    const accountsFile = join(this.#folder, 'accounts.bin');
    writeFileSync(accountsFile, new ByteWriter(PUBLIC_KEY_BYTES + 8).bytes(publicKey).u64(BALANCE).finish());
    const keyFile = join(this.#folder, 'keys.bin');
    const options = { genesis: genesis(networkId), accountsFile, keyFile, threads: 1 };
    this.ledger = new NativeLedger({ ...options, verification: 'ml-dsa-87' });
  }

  /** A transaction of the account, small or as large as they come. */
  async signed(nonce: number, size: 'small' | 'large' = 'small'): Promise<SignedBody> {
    const envelope = { sender: this.sender, keyVersion: 0, nonce, expiryMs: Date.now() + 3_600_000, fee: 0n };
    const body = encodeTransactionBody(size === 'small' ? anchor(envelope) : batch(envelope));
    return { body, signature: await backend.signerFromSeed(this.#seed).sign(this.context, body) };
  }

  close(): void {
    this.ledger.close();
    rmSync(this.#folder, { recursive: true });
  }
}

type Envelope = Pick<Transaction, 'sender' | 'keyVersion' | 'nonce' | 'expiryMs' | 'fee'>;

function anchor(envelope: Envelope): DataAnchor {
  return { ...envelope, kind: 'data-anchor', data: new Uint8Array(100).fill(envelope.nonce) };
}

function batch(envelope: Envelope): TransferBatch {
  const recipients = new Uint32Array(MAX_TRANSFERS).fill(2 ** 24);
  const amounts = new BigUint64Array(MAX_TRANSFERS).fill(2n ** 56n);
  return { ...envelope, kind: 'transfer-batch', asset: 0, atomic: true, recipients, amounts };
}

function genesis(networkId: Uint8Array): LedgerGenesis {
  return {
    networkId: id<NetworkId>(networkId),
    timeMs: 1,
    accountCount: 1,
    members: 4,
    committeeDigest: new Uint8Array(32),
    paramsHash: id<ParamsHash>(new Uint8Array(32)),
    parameters: defaultParameters(4),
    issued: [],
  };
}
