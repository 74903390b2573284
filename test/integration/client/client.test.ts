import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Api } from '../../../src/api/index.ts';
import { Av10ApiError, Av10Client, fetchSend, type Send, Wallet } from '../../../src/client/index.ts';
import { nodeSend } from '../../../src/client/node-send.ts';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import type { Address, TransactionId } from '../../../src/types/ids.ts';
import { decodeTransactionBody, transactionId } from '../../../src/types/transaction-codec.ts';
import { signedAnchor, testApi } from '../../support/api-requests.ts';
import { eventually } from '../../support/eventually.ts';
import { refusalOf, STUB_COMMIT, type StubNetwork, StubService, stubNetwork } from '../../support/stub-service.ts';

const send = nodeSend();
let network: StubNetwork;
let service: StubService;
let api: Api;
let url: string;
let client: Av10Client;

before(async () => {
  network = await stubNetwork();
});
beforeEach(async () => {
  service = new StubService(network);
  api = testApi(service);
  url = await api.start();
  client = new Av10Client({ urls: [url] }, { send, crypto: network.crypto });
});
afterEach(() => api.stop());
after(() => send.close());

function address(i: number): Address {
  return (network.accounts[i] as StubNetwork['accounts'][number]).address;
}

function failsWith(code: string, fields: Record<string, unknown> = {}) {
  return (error: unknown) => {
    assert.ok(error instanceof Av10ApiError, String(error));
    assert.equal(error.code, code);
    assert.deepEqual({ ...error.fields, ...fields }, error.fields);
    return true;
  };
}

/** A server that takes requests and never answers. */
async function silentServer(): Promise<{ server: Server; url: string; requests: () => number }> {
  let requests = 0;
  const server = createServer(() => {
    requests += 1;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: () => requests };
}

describe('Av10Client', () => {
  it('works with the defaults of a browser: fetch and noble', async () => {
    const browser = new Av10Client({ urls: [`${url}/`], networkId: network.genesis.networkId });
    assert.equal(browser.modules.crypto.name, 'noble');
    const { account, commit } = await browser.certifiedAccount(address(1));
    assert.equal(account.balance, 101_000_000n);
    assert.equal(commit, 800);
    const item = await signedAnchor(network);
    assert.equal((await browser.submit(item)).status, 'accepted');
    assert.equal(service.submitted[0]?.signature.toHex(), item.signature.toHex());
  });

  it('reads everything that the API offers', async () => {
    const info = await client.account(1);
    assert.deepEqual(info.balances, [{ asset: 0, amount: 101_000_000n }]);
    assert.equal(info.commit, STUB_COMMIT);
    assert.equal((await client.block('latest')).height, STUB_COMMIT);
    assert.equal((await client.checkpoint(7)).index, 7);
    assert.equal((await client.validators()).quorum, 3);
    assert.equal((await client.status()).optimizer, 'off');
    assert.equal((await client.health()).status, 'healthy');
    assert.equal((await client.readiness()).synced.ok, true);
    assert.equal((await client.network()).committee.size, 4);
  });

  it('reads the health of an unhealthy node', async () => {
    const { currentStatus } = service;
    service.currentStatus = { ...currentStatus, health: { ...currentStatus.health, status: 'unhealthy' } };
    assert.equal((await client.health()).status, 'unhealthy');
  });

  it('refuses another network than the one it was made for', async () => {
    const other = new Av10Client({ urls: [url], networkId: '00'.repeat(32) }, { send, crypto: network.crypto });
    await assert.rejects(
      other.network(),
      failsWith('NETWORK_MISMATCH', { expected: '00'.repeat(32), got: network.genesis.networkId }),
    );
  });

  it('throws what the API refuses, with its nature', async () => {
    service.refusal = refusalOf('BUSY', { retryable: true, retryAfterMs: 1_500, fields: { queued: 9 } });
    await assert.rejects(client.submit(await signedAnchor(network)), (error) => {
      failsWith('BUSY', { queued: 9 })(error);
      const { status, retryable, retryAfterMs, message } = error as Av10ApiError;
      assert.deepEqual(
        { status, retryable, retryAfterMs, message },
        { status: 429, retryable: true, retryAfterMs: 1_500, message: 'BUSY: refused for BUSY' },
      );
      return true;
    });
    await assert.rejects(client.account(9), failsWith('ACCOUNT_UNKNOWN', { account: '9' }));
  });

  it('submits many in as few requests as the limits allow, with a result for each', async () => {
    const items = await Promise.all(Array.from({ length: 1_000 }, (_, nonce) => signedAnchor(network, nonce)));
    service.setNextNonce(address(0), 1);
    const results = await client.submitMany(items);
    assert.equal(service.sources.length, 2);
    assert.deepEqual(
      results.map(({ id }) => id),
      items.map(({ body }) => transactionId(network.crypto.hasher, body)),
    );
    assert.equal(results[0]?.status, 'refused');
    assert.equal(results[0]?.error?.code, 'NONCE_USED');
    assert.ok(results.slice(1).every(({ status }) => status === 'accepted'));
  });

  it('hands the same bytes to the next validator when one does not answer, and stays with that', async () => {
    const silent = await silentServer();
    const options = { urls: [silent.url, 'http://127.0.0.1:1', url], requestTimeoutMs: 300 };
    const patient = new Av10Client(options, { send, crypto: network.crypto });
    const item = await signedAnchor(network);
    assert.equal((await patient.submit(item)).status, 'accepted');
    assert.equal(service.submitted[0]?.signature.toHex(), item.signature.toHex());
    await patient.account(0);
    assert.equal(silent.requests(), 1);
    silent.server.closeAllConnections();
    silent.server.close();
  });

  it('leaves a validator that stops or fails', async () => {
    const failing = new StubService(network);
    failing.failure = new Error('broken');
    const failingApi = testApi(failing);
    const both = new Av10Client({ urls: [await failingApi.start(), url] }, { send, crypto: network.crypto });
    assert.equal((await both.submit(await signedAnchor(network))).status, 'accepted');
    assert.equal(service.submitted.length, 1);
    await failingApi.stop();
  });

  it('says UNREACHABLE with the id when nobody answers', async () => {
    const alone = new Av10Client({ urls: ['http://127.0.0.1:1'] }, { send, crypto: network.crypto });
    const item = await signedAnchor(network);
    await assert.rejects(
      alone.submit(item),
      failsWith('UNREACHABLE', { id: transactionId(network.crypto.hasher, item.body) }),
    );
  });

  it('knows its own transaction when an earlier try has used the nonce', async () => {
    const item = await signedAnchor(network);
    const txId = transactionId(network.crypto.hasher, item.body);
    service.refusal = refusalOf('NONCE_USED');
    await assert.rejects(client.submit(item), failsWith('NONCE_USED'));
    service.reach(txId, 'final');
    assert.deepEqual(await client.submit(item), { id: txId, status: 'known' });
    service.reach(txId, 'dropped');
    await assert.rejects(client.submit(item), failsWith('NONCE_USED'));
  });

  it('refuses answers that no honest validator gives', async () => {
    const answering = (body: string, status = 200) =>
      new Av10Client(
        { urls: ['http://a'] },
        { crypto: network.crypto, send: async () => ({ status, body: Buffer.from(body) }) },
      );
    for (const body of [
      '',
      '{',
      '{}',
      '{"networkId":"00","genesis":{}}',
      `{"networkId":"${'00'.repeat(32)}","genesis":{}}`,
    ]) {
      await assert.rejects(answering(body).network(), failsWith('MALFORMED_ANSWER', { path: '/v1/network' }));
    }
    await assert.rejects(answering('{}', 418).status(), failsWith('MALFORMED_ANSWER'));
    await assert.rejects(answering('<html>', 502).status(), failsWith('UNREACHABLE'));
  });

  it('ignores fields that a newer validator adds, and refuses an answer that lacks one', async () => {
    const changing = (change: (answer: Record<string, unknown>) => unknown): Av10Client => {
      const changed: Send = async (request) => {
        const { status, body } = await send(request);
        return { status, body: Buffer.from(JSON.stringify(change(JSON.parse(Buffer.from(body).toString())))) };
      };
      return new Av10Client({ urls: [url] }, { send: changed, crypto: network.crypto });
    };
    const newer = changing((answer) => ({ ...answer, added: { in: 'a later version' } }));
    assert.deepEqual(await newer.account(1), await client.account(1));
    await assert.rejects(newer.account(9), failsWith('ACCOUNT_UNKNOWN', { account: '9' }));
    const broken = changing(({ nextNonce: _, ...answer }) => answer);
    await assert.rejects(broken.account(1), failsWith('MALFORMED_ANSWER', { path: '/v1/accounts/1' }));
  });

  it('refuses an answer without end', async () => {
    const server = createServer((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const endless = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const each of [send, fetchSend()]) {
      await assert.rejects(new Av10Client({ urls: [endless] }, { send: each }).status(), (error) => {
        failsWith('UNREACHABLE')(error);
        assert.match((error as Error).message, /more than 16777216 bytes/);
        return true;
      });
    }
    server.closeAllConnections();
    server.close();
  });
});

describe('waiting', () => {
  it('returns at the level asked for or a later one', async () => {
    const { id } = await client.submit(await signedAnchor(network));
    const waiting = client.waitFinal(id, 5_000);
    await eventually(() => service.waiting(id) === 1, 'a waiter');
    service.reach(id, 'certified');
    assert.equal((await waiting).receipt?.code, 'PARTIAL');
    assert.equal((await client.waitFor(id, 'included', 5_000)).level, 'certified');
  });

  it('returns a dropped transaction as what it is', async () => {
    const { id } = await client.submit(await signedAnchor(network));
    service.reach(id, 'dropped');
    assert.deepEqual((await client.waitFinal(id, 5_000)).dropped, { code: 'EXPIRED', retryable: false });
  });

  it('keeps asking for a transaction that is not known yet', async () => {
    const id = 'cd'.repeat(32) as TransactionId;
    let asked = 0;
    const counting = new Av10Client(
      { urls: [url] },
      {
        send: (request) => send(request),
        crypto: network.crypto,
        timers: {
          after: (_delayMs, callback) => {
            asked += 1;
            if (asked === 3) service.reach(id, 'final');
            queueMicrotask(callback);
            return { cancel: () => undefined };
          },
        },
      },
    );
    assert.equal((await counting.waitFinal(id, 5_000)).level, 'final');
    assert.equal(asked, 3);
  });

  it('says TIMEOUT with the newest level', async () => {
    const { id } = await client.submit(await signedAnchor(network));
    let nowMs = 0;
    const clock = { wallMs: () => 0, monotonicMs: () => (nowMs += 400) };
    const slow: typeof send = Object.assign(
      (request: Parameters<typeof send>[0]) =>
        send({ ...request, url: request.url.replace(/timeoutMs=\d+/, 'timeoutMs=0') }),
      { close: () => undefined },
    );
    const impatient = new Av10Client({ urls: [url] }, { send: slow, crypto: network.crypto, clock });
    await assert.rejects(impatient.waitFinal(id, 1_000), failsWith('TIMEOUT', { id, level: 'accepted' }));
  });
});

describe('proofs', () => {
  it('hold for the account at the commit of the checkpoint', async () => {
    const { account, commit, timeMs } = await client.certifiedAccount(0);
    assert.equal(account.address, address(0));
    assert.equal(account.balance, 100_000_000n);
    assert.deepEqual({ commit, timeMs }, { commit: 800, timeMs: 1_700_000_100_000 });
  });

  /** A validator that changes its answer on the way. */
  function lying(
    change: (answer: { handle: number; address: string; proof: { certificate: string; page: string } }) => void,
  ): Av10Client {
    const crypto = network.crypto;
    return new Av10Client(
      { urls: [url] },
      {
        crypto,
        send: async (request) => {
          const response = await send(request);
          if (!request.url.includes('/v1/accounts/')) return response;
          const answer = JSON.parse(Buffer.from(response.body).toString());
          change(answer);
          return { ...response, body: Buffer.from(JSON.stringify(answer)) };
        },
      },
    );
  }

  for (const [what, change] of [
    [
      'another handle',
      (answer) => {
        answer.handle = 1;
      },
    ],
    [
      'another address',
      (answer) => {
        answer.address = address(1);
      },
    ],
    [
      'a changed balance',
      (answer) => {
        answer.proof.page = flipped(answer.proof.page, 9 + 32 * 72 + 256);
      },
    ],
    [
      'a changed statement',
      (answer) => {
        answer.proof.certificate = flipped(answer.proof.certificate, 200);
      },
    ],
    [
      'a changed signature',
      (answer) => {
        answer.proof.certificate = flipped(answer.proof.certificate, 2_000);
      },
    ],
    [
      'half a byte',
      (answer) => {
        answer.proof.page = 'a';
      },
    ],
  ] as [string, Parameters<typeof lying>[0]][]) {
    it(`do not hold with ${what}`, async () => {
      await assert.rejects(lying(change).certifiedAccount(address(0)), failsWith('PROOF_INVALID'));
      await assert.rejects(lying(change).handleOf(address(0)), failsWith('PROOF_INVALID'));
    });
  }

  it('do not hold for another account than the one asked for', async () => {
    const swapping = new Av10Client(
      { urls: [url] },
      {
        crypto: network.crypto,
        send: (request) => send({ ...request, url: request.url.replace(address(0), address(1)) }),
      },
    );
    await assert.rejects(swapping.certifiedAccount(address(0)), failsWith('PROOF_INVALID'));
  });

  it('are asked for once for each handle', async () => {
    let requests = 0;
    const counting = new Av10Client(
      { urls: [url] },
      {
        crypto: nobleBackend(),
        send: (request) => {
          requests += 1;
          return send(request);
        },
      },
    );
    assert.equal(await counting.handleOf(address(1)), 1);
    const before = requests;
    assert.equal(await counting.handleOf(address(1)), 1);
    assert.equal(requests, before);
  });

  it('may be missing, unless they are required', async () => {
    service.isProvable = false;
    await assert.rejects(client.certifiedAccount(0), failsWith('PROOF_UNAVAILABLE', { account: 0 }));
    assert.equal(await client.handleOf(address(1)), 1);
    const strict = new Av10Client({ urls: [url], requireProofs: true }, { send, crypto: network.crypto });
    await assert.rejects(strict.handleOf(address(1)), failsWith('PROOF_UNAVAILABLE'));
  });
});

describe('Wallet', () => {
  let wallet: Wallet;

  beforeEach(() => {
    const { signer } = network.accounts[0] as StubNetwork['accounts'][number];
    wallet = new Wallet(client, signer);
  });

  function sent(i: number) {
    return decodeTransactionBody(service.submitted[i]?.body as Uint8Array);
  }

  it('numbers, signs and sends transfers to addresses and handles', async () => {
    const { id, status } = await wallet.transfer(
      [
        { to: address(1), amount: 5n },
        { to: 0, amount: 7n },
      ],
      { atomic: false },
    );
    assert.equal(status, 'accepted');
    const { sender, nonce, keyVersion, expiryMs, fee, ...payload } = sent(0);
    assert.deepEqual({ sender, nonce, keyVersion, fee }, { sender: address(0), nonce: 0, keyVersion: 0, fee: 0n });
    assert.ok(expiryMs > Date.now() && expiryMs <= Date.now() + 600_000);
    const recipients = Uint32Array.of(1, 0);
    assert.deepEqual(payload, {
      kind: 'transfer-batch',
      asset: 0,
      atomic: false,
      recipients,
      amounts: BigUint64Array.of(5n, 7n),
    });
    assert.equal(id, transactionId(network.crypto.hasher, service.submitted[0]?.body as Uint8Array));
  });

  it('keeps nonces in order however many are sent at once, and asks for the number once', async () => {
    service.setNextNonce(address(0), 40);
    await Promise.all(Array.from({ length: 5 }, (_, i) => wallet.anchor(Uint8Array.of(i))));
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((i) => sent(i).nonce),
      [40, 41, 42, 43, 44],
    );
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((i) => (sent(i) as { data?: Uint8Array }).data?.[0]),
      [0, 1, 2, 3, 4],
    );
  });

  it('asks again when another copy of it used the nonce', async () => {
    await wallet.anchor(Uint8Array.of(1));
    service.setNextNonce(address(0), 9);
    await wallet.anchor(Uint8Array.of(2));
    assert.equal(sent(1).nonce, 9);
  });

  it('takes the next slot when others wait already', async () => {
    service.takeSlot(address(0), 0);
    service.takeSlot(address(0), 1);
    await wallet.anchor(Uint8Array.of(1));
    assert.equal(sent(0).nonce, 2);
  });

  it('gives up when the number is not the trouble, and uses the same number next', async () => {
    service.refusal = refusalOf('FEE_TOO_LOW');
    await assert.rejects(wallet.anchor(Uint8Array.of(1)), failsWith('FEE_TOO_LOW'));
    service.refusal = refusalOf('NONCE_TOO_FAR');
    await assert.rejects(wallet.anchor(Uint8Array.of(1)), failsWith('NONCE_TOO_FAR'));
    service.refusal = undefined;
    await wallet.anchor(Uint8Array.of(1));
    assert.equal(sent(0).nonce, 0);
  });

  it('signs batches for submitMany with nonces of their own', async () => {
    const items = [];
    for (let i = 0; i < 3; i++) items.push(await wallet.sign({ kind: 'data-anchor', data: Uint8Array.of(i) }));
    assert.ok((await client.submitMany(items)).every(({ status }) => status === 'accepted'));
    assert.deepEqual(
      [0, 1, 2].map((i) => sent(i).nonce),
      [0, 1, 2],
    );
    const { signer } = network.accounts[0] as StubNetwork['accounts'][number];
    const context = Buffer.concat([Buffer.from('av10/tx/1/'), Buffer.from(network.genesis.networkId, 'hex')]);
    const [item] = items;
    assert.ok(item && (await network.crypto.verifier.verify(signer.publicKey, context, item.body, item.signature)));
  });

  it('opens accounts', async () => {
    const { publicKey } = (network.accounts[1] as StubNetwork['accounts'][number]).signer;
    await wallet.openAccount(publicKey);
    assert.equal(sent(0).kind, 'open-account');
  });
});

function flipped(hex: string, byte: number): string {
  const bytes = Uint8Array.fromHex(hex);
  bytes[byte] = (bytes[byte] as number) ^ 1;
  return bytes.toHex();
}
