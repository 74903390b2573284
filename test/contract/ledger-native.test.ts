import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadAddon } from '../../src/addon/load-addon.ts';
import { signatureContext } from '../../src/crypto/domains.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import type { LedgerGenesis } from '../../src/execution/genesis.ts';
import { ModelLedger } from '../../src/execution/model/model-ledger.ts';
import { NativeLedger, VERIFY_STATUS, verifyAhead } from '../../src/execution/native-ledger.ts';
import { id, type NetworkId } from '../../src/types/ids.ts';
import { encodePayload, type SignedBody } from '../../src/types/payload.ts';
import { accountAddress, encodeTransactionBody } from '../../src/types/transaction-codec.ts';
import { ByteWriter } from '../../src/util/byte-writer.ts';
import { codes, commitOf, GENESIS, pay, START_MS } from '../unit/execution/fixture.ts';

const ACCOUNTS = 8;
const TRANSACTIONS = 40;
const addon = loadAddon();
const { hasher, generateKeyPair } = nativeBackend();
const pairs = Array.from({ length: ACCOUNTS }, (_, i) =>
  generateKeyPair(new SecretBytes(new Uint8Array(32).fill(i + 1))),
);
const keys = pairs.map(({ seed }) => addon.mlDsaKeyFromSeed(seed.reveal()));

describe('native ledger with ML-DSA-87', () => {
  let folder = '';
  let accounts = new Uint8Array(0);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'av10-ledger-native-'));
    const out = new ByteWriter();
    for (const { publicKey } of pairs) out.bytes(publicKey).u64(10_000n);
    accounts = Uint8Array.from(out.finish());
    writeFileSync(join(folder, 'accounts.bin'), accounts);
  });

  after(() => rmSync(folder, { recursive: true }));

  /** Each network is another one: no signature of one test is known in another. */
  const genesis = (network: number): LedgerGenesis => {
    const networkId = id<NetworkId>(new Uint8Array(32).fill(network));
    return { ...GENESIS, networkId, accountCount: ACCOUNTS, issued: [] };
  };
  const open = (network: number, threads = 1): NativeLedger =>
    new NativeLedger({
      genesis: genesis(network),
      accountsFile: join(folder, 'accounts.bin'),
      keyFile: join(folder, `keys-${network}.bin`),
      threads,
      verification: 'ml-dsa-87',
    });
  const sign = (network: number, account: number, nonce: number): SignedBody => {
    const sender = accountAddress(hasher, pairs[account]?.publicKey ?? assert.fail());
    const envelope = { sender, keyVersion: 0, nonce, expiryMs: START_MS + 50_000, fee: 10n };
    const body = encodeTransactionBody({ ...envelope, ...pay([(account + 1) % ACCOUNTS, BigInt(nonce + 1)]) });
    const context = signatureContext('tx', Uint8Array.fromHex(genesis(network).networkId));
    return { body, signature: addon.mlDsaSignSync(keys[account] ?? assert.fail(), context, body) };
  };
  const broken = ({ body, signature }: SignedBody): SignedBody => {
    return { body, signature: signature.with(4_000, (signature[4_000] as number) ^ 1) };
  };

  for (const [network, threads] of [
    [1, 1],
    [2, 2],
    [8, 8],
  ] as const) {
    it(`does what the model does, on ${threads} threads`, () => {
      const native = open(network, threads);
      const context = signatureContext('tx', Uint8Array.fromHex(genesis(network).networkId));
      const oracle = (key: Uint8Array, body: Uint8Array, signature: Uint8Array) =>
        addon.mlDsaVerifySync(key, context, body, signature);
      const model = new ModelLedger({ genesis: genesis(network), accounts }, { hasher, oracle });
      const items = Array.from({ length: TRANSACTIONS }, (_, i) =>
        sign(network, i % ACCOUNTS, Math.floor(i / ACCOUNTS)),
      );
      const commit = commitOf(1, [broken(items[0] as SignedBody), ...items, items[3] as SignedBody], { timeMs: 5_000 });
      const got = native.execute(commit);
      const expected = model.execute(commit);
      assert.deepEqual(codes(got), ['BAD_SIGNATURE', ...items.map(() => 'OK'), 'NONCE_USED']);
      assert.deepEqual(got.outcomes.bytes, expected.outcomes.bytes);
      assert.deepEqual(got.checkpoint, expected.checkpoint);
      native.close();
    });
  }

  it('takes what was verified ahead, and refuses the broken copy of it', () => {
    const ledger = open(20);
    const good = sign(20, 0, 0);
    const stranger = { body: good.body.with(2, 0xee), signature: good.signature };
    const items = [broken(good), good, stranger, { body: good.body.subarray(1), signature: good.signature }];
    const { wrongSignature, valid, unknownKey, malformed } = VERIFY_STATUS;
    const statuses = verifyAhead(ledger.number, encodePayload(items), items.length);
    assert.deepEqual([...statuses], [wrongSignature, valid, unknownKey, malformed]);
    assert.deepEqual(codes(ledger.execute(commitOf(1, items))), ['BAD_SIGNATURE', 'OK', 'UNKNOWN_SENDER', 'MALFORMED']);
    ledger.close();
  });

  it('never takes a simulated signature', () => {
    const ledger = open(21);
    const { body } = sign(21, 0, 0);
    const tag = hasher.hash('sig', hasher.hash('key', pairs[0]?.publicKey ?? assert.fail()), hasher.hash('tx', body));
    const signature = new Uint8Array(4_627);
    signature.set(tag);
    assert.deepEqual(codes(ledger.execute(commitOf(1, [{ body, signature }]))), ['BAD_SIGNATURE']);
    ledger.close();
  });

  it('refuses a broken commit without harm, and every call once it is closed', () => {
    const ledger = open(22);
    assert.throws(() => ledger.execute(commitOf(2, [])), { code: 'LEDGER_ORDER' });
    const commit = commitOf(1, [sign(22, 0, 0)]);
    const short = { ...commit, blocks: commit.blocks.map((block) => ({ ...block, txCount: 2 })) };
    assert.throws(() => ledger.execute(short), { code: 'LEDGER_INPUT' });
    assert.deepEqual(codes(ledger.execute(commit)), ['OK']);
    assert.equal(ledger.accountByHandle(ACCOUNTS), undefined);
    assert.equal(ledger.proof(0), undefined, 'no checkpoint yet');
    ledger.close();
    assert.throws(() => ledger.lastCommit, { code: 'LEDGER_CLOSED' });
  });

  it('does not start without its accounts', () => {
    const options = {
      genesis: genesis(23),
      keyFile: join(folder, 'keys-23.bin'),
      threads: 1,
      verification: 'ml-dsa-87',
    } as const;
    const missing = { ...options, accountsFile: join(folder, 'none.bin') };
    assert.throws(() => new NativeLedger(missing), { code: 'LEDGER_KEY_FILE' });
    const short = {
      ...options,
      genesis: { ...options.genesis, accountCount: 9 },
      accountsFile: join(folder, 'accounts.bin'),
    };
    assert.throws(() => new NativeLedger(short), { code: 'LEDGER_GENESIS' });
  });
});
