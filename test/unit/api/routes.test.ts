import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import { type Answer, ENDPOINTS, type Endpoint, type OperationId } from '../../../src/api/endpoints.ts';
import type { Api } from '../../../src/api/index.ts';
import { decodeGenesis } from '../../../src/params/genesis.ts';
import { decodeAccountProof, verifyAccountProof } from '../../../src/types/account-proof.ts';
import { decodeCertificate } from '../../../src/types/certificate.ts';
import { matches } from '../../../src/types/rest.ts';
import { REST_ERRORS } from '../../../src/types/rest-errors.ts';
import { transactionId } from '../../../src/types/transaction-codec.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import {
  assertProblem,
  JSON_BODY,
  OCTETS,
  signedAnchor,
  testApi,
  toBatch,
  toJson,
  toOctets,
} from '../../support/api-requests.ts';
import {
  refusalOf,
  STUB_COMMIT,
  type StubNetwork,
  StubService,
  stubNetwork,
  stubStatus,
} from '../../support/stub-service.ts';

let network: StubNetwork;
let service: StubService;
let api: Api;

before(async () => {
  network = await stubNetwork();
});
beforeEach(() => {
  service = new StubService(network);
  api = testApi(service);
});

/** The answer of an operation, of the status and exactly the shape that the table declares. */
function answerOf<Id extends OperationId>(
  operation: Id,
  response: { statusCode: number; body: string },
  status = 200,
): Answer<Id>['body'] {
  assert.equal(response.statusCode, status, response.body);
  const body: unknown = JSON.parse(response.body);
  const schema = (ENDPOINTS[operation] as Endpoint).answers[status];
  assert.ok(schema !== undefined && matches(schema, body), `${operation} answered ${response.body}`);
  return body as Answer<Id>['body'];
}

describe('POST /v1/transactions', () => {
  for (const form of ['octets', 'json'] as const) {
    it(`takes a transaction as ${form} and passes on its very bytes`, async () => {
      const item = await signedAnchor(network);
      const request =
        form === 'octets'
          ? { payload: toOctets(item), headers: OCTETS }
          : { payload: toJson(item), headers: JSON_BODY };
      const response = await api.inject({ method: 'POST', url: '/v1/transactions', ...request });
      const body = answerOf('submitTransaction', response, 202);
      assert.deepEqual(body, { id: transactionId(network.crypto.hasher, item.body), status: 'accepted' });
      assert.equal(service.submitted[0]?.body.toHex(), item.body.toHex());
      assert.equal(service.submitted[0]?.signature.toHex(), item.signature.toHex());
    });
  }

  it('says known the second time', async () => {
    const request = {
      method: 'POST',
      url: '/v1/transactions',
      payload: toOctets(await signedAnchor(network)),
      headers: OCTETS,
    } as const;
    await api.inject(request);
    assert.equal(answerOf('submitTransaction', await api.inject(request), 202).status, 'known');
  });

  for (const code of ENDPOINTS.submitTransaction.errors.filter(
    (each) => !['INVALID_BODY', 'INVALID_FRAMING'].includes(each),
  )) {
    it(`answers ${code} of admission with its status, its fields and its own word on retrying`, async () => {
      service.refusal = refusalOf(code, { fields: { limit: 7n }, retryable: true, retryAfterMs: 1_200.5 });
      const payload = toOctets(await signedAnchor(network));
      const response = await api.inject({ method: 'POST', url: '/v1/transactions', payload, headers: OCTETS });
      const problem = assertProblem(response, code, { limit: '7' });
      assert.equal(problem.retryable, true);
      assert.equal(problem.retryAfterMs, 1_201);
      assert.equal(response.headers['retry-after'], '2');
      assert.equal(problem.detail, `refused for ${code}`);
    });
  }

  it('passes on a code that the table does not list, as a refusal', async () => {
    service.refusal = refusalOf('SOMETHING_NEW');
    const payload = toOctets(await signedAnchor(network));
    const response = await api.inject({ method: 'POST', url: '/v1/transactions', payload, headers: OCTETS });
    assert.equal(response.statusCode, 422);
    assert.equal(JSON.parse(response.body).code, 'SOMETHING_NEW');
  });

  it('answers INTERNAL when the node fails, says nothing of the cause and logs it', async () => {
    const lines: unknown[] = [];
    const log = { ...SILENT_LOGGER, error: (_: string, fields?: object) => lines.push(fields) };
    service.failure = new Error('secret path');
    const payload = toOctets(await signedAnchor(network));
    const response = await testApi(service, {}, { log }).inject({
      method: 'POST',
      url: '/v1/transactions',
      payload,
      headers: OCTETS,
    });
    assertProblem(response, 'INTERNAL');
    assert.doesNotMatch(response.body, /secret/);
    assert.match(JSON.stringify(lines), /secret path/);
  });
});

describe('POST /v1/transactions/batch', () => {
  for (const form of ['octets', 'json'] as const) {
    it(`gives each of many a result in their order, as ${form}`, async () => {
      const items = [await signedAnchor(network, 0), await signedAnchor(network, 1)];
      service.setNextNonce(network.accounts[0]?.address as never, 1);
      const request =
        form === 'octets'
          ? { payload: toBatch(items), headers: OCTETS }
          : { payload: items.map(toJson), headers: JSON_BODY };
      const response = await api.inject({ method: 'POST', url: '/v1/transactions/batch', ...request });
      const { results } = answerOf('submitTransactions', response);
      assert.deepEqual(
        results.map((result: { status: string }) => result.status),
        ['refused', 'accepted'],
      );
      assert.equal(results[0]?.problem?.code, 'NONCE_USED');
      assert.equal(results[0]?.problem?.status, REST_ERRORS.NONCE_USED.status);
      assert.equal(service.submitted.length, 1);
    });
  }

  it('refuses a transaction of a batch without hiding the others', async () => {
    const items = [{ body: Uint8Array.of(1), signature: (await signedAnchor(network)).signature }];
    service.refusal = refusalOf('NON_CANONICAL', { fields: { field: 'version', offset: 0 } });
    const response = await api.inject({
      method: 'POST',
      url: '/v1/transactions/batch',
      payload: toBatch(items),
      headers: OCTETS,
    });
    const [result] = answerOf('submitTransactions', response).results;
    assert.equal(result?.id, null);
    assert.deepEqual(result?.problem?.fields, { field: 'version', offset: 0 });
  });
});

describe('GET /v1/transactions/{id}', () => {
  const txId = 'ab'.repeat(32) as never;

  for (const level of ['accepted', 'included', 'final', 'certified', 'dropped'] as const) {
    it(`describes ${level} in the declared form`, async () => {
      service.reach(txId, level);
      const body = answerOf('getTransaction', await api.inject({ url: `/v1/transactions/${txId}` }));
      assert.equal(body.level, level);
      assert.equal('block' in body, ['included', 'final', 'certified'].includes(level));
      assert.equal('receipt' in body, ['final', 'certified'].includes(level));
      if (level === 'final')
        assert.deepEqual({ ...body.receipt, nonce: '3', fee: '5', bitmap: '01', commit: STUB_COMMIT }, body.receipt);
      if (level === 'certified') assert.equal(body.checkpoint, 7);
      if (level === 'dropped') assert.deepEqual(body.dropped, { code: 'EXPIRED', retryable: false });
    });
  }

  it('waits until the level is reached', async () => {
    service.reach(txId, 'accepted');
    const response = api
      .inject({ url: `/v1/transactions/${txId}?wait=final&timeoutMs=60000` })
      .then((answer) => answer);
    while (service.waiting(txId) === 0) await new Promise(setImmediate);
    service.reach(txId, 'final');
    assert.equal(answerOf('getTransaction', await response).level, 'final');
  });

  it('answers the newest level when the time is over', async () => {
    service.reach(txId, 'accepted');
    const response = await api.inject({ url: `/v1/transactions/${txId}?wait=final&timeoutMs=0` });
    assert.equal(answerOf('getTransaction', response).level, 'accepted');
  });

  it('answers what it knows when the node stops', async () => {
    service.reach(txId, 'accepted');
    const response = api.inject({ url: `/v1/transactions/${txId}?wait=final` }).then((answer) => answer);
    while (service.waiting(txId) === 0) await new Promise(setImmediate);
    await api.stop();
    assert.equal(answerOf('getTransaction', await response).level, 'accepted');
  });

  it('says TRANSACTION_UNKNOWN, at once even if asked to wait', async () => {
    assertProblem(await api.inject({ url: `/v1/transactions/${txId}?wait=final` }), 'TRANSACTION_UNKNOWN', {
      id: txId,
    });
  });

  it('lets at most 2,048 requests wait', async () => {
    service.reach(txId, 'accepted');
    const url = `/v1/transactions/${txId}?wait=final`;
    const waiting = Array.from({ length: 2_048 }, () => api.inject({ url }).then((answer) => answer.statusCode));
    while (service.waiting(txId) < 2_048) await new Promise(setImmediate);
    assertProblem(await api.inject({ url }), 'TOO_MANY_WAITERS', { limit: 2_048 });
    service.reach(txId, 'final');
    assert.ok((await Promise.all(waiting)).every((status) => status === 200));
    answerOf('getTransaction', await api.inject({ url: `${url}&timeoutMs=0` }));
  });
});

describe('GET /v1/accounts/{account}', () => {
  it('finds an account by address and by handle, and names the commit', async () => {
    const address = network.accounts[1]?.address;
    const byAddress = answerOf('getAccount', await api.inject({ url: `/v1/accounts/${address}` }));
    const byHandle = answerOf('getAccount', await api.inject({ url: '/v1/accounts/1?proof=false' }));
    assert.deepEqual(byAddress, byHandle);
    const balances = [{ asset: 0, amount: '101000000' }];
    const expected = {
      commit: STUB_COMMIT,
      address,
      handle: 1,
      keyVersion: 0,
      nextNonce: '0',
      frozen: false,
      balances,
    };
    assert.deepEqual(byAddress, expected);
  });

  it('gives a proof that leads to the certified root', async () => {
    const { proof } = answerOf('getAccount', await api.inject({ url: '/v1/accounts/0?proof=true' }));
    assert.ok(proof);
    const { statement } = decodeCertificate(Uint8Array.fromHex(proof.certificate));
    const proven = verifyAccountProof(
      network.crypto.hasher,
      decodeAccountProof(Uint8Array.fromHex(proof.page)),
      statement.accountsRoot,
    );
    assert.equal(proven.balance, 100_000_000n);
    assert.equal(proof.checkpoint, 7);
  });

  it('says null for a proof that no certified checkpoint gives', async () => {
    service.isProvable = false;
    assert.equal(answerOf('getAccount', await api.inject({ url: '/v1/accounts/0?proof=true' })).proof, null);
  });

  it('says ACCOUNT_UNKNOWN up to a commit', async () => {
    for (const account of ['9', 'ab'.repeat(32)]) {
      const response = await api.inject({ url: `/v1/accounts/${account}` });
      assertProblem(response, 'ACCOUNT_UNKNOWN', { account, commit: STUB_COMMIT });
    }
  });
});

describe('GET /v1/blocks/{block} and /v1/checkpoints/{checkpoint}', () => {
  it('finds a block by height, by hash and as the latest', async () => {
    const latest = answerOf('getBlock', await api.inject({ url: '/v1/blocks/latest' }));
    assert.equal(latest.height, STUB_COMMIT);
    for (const key of [latest.height, latest.hash]) {
      assert.deepEqual(answerOf('getBlock', await api.inject({ url: `/v1/blocks/${key}` })), latest);
    }
    assertProblem(await api.inject({ url: '/v1/blocks/1' }), 'BLOCK_UNKNOWN', { block: '1' });
  });

  it('finds a checkpoint by index and as the latest', async () => {
    const latest = answerOf('getCheckpoint', await api.inject({ url: '/v1/checkpoints/latest' }));
    assert.deepEqual(answerOf('getCheckpoint', await api.inject({ url: '/v1/checkpoints/7' })), latest);
    assert.ok(latest.certificate?.startsWith(latest.statement));
    assertProblem(await api.inject({ url: '/v1/checkpoints/8' }), 'CHECKPOINT_UNKNOWN', { checkpoint: '8' });
  });
});

describe('what the node says of itself', () => {
  it('lists the committee with its thresholds', async () => {
    const body = answerOf('getValidators', await api.inject({ url: '/v1/validators' }));
    const { totalPower, quorum, validity, faultsTolerated } = body;
    assert.deepEqual(
      { totalPower, quorum, validity, faultsTolerated },
      { totalPower: 4, quorum: 3, validity: 2, faultsTolerated: 1 },
    );
    assert.deepEqual(
      body.validators.map((each: { own: boolean }) => each.own),
      [true, false, false, false],
    );
    assert.equal(body.validators[3]?.highestRound, 2_400);
  });

  it('publishes a genesis that hashes to the network id', async () => {
    const { networkId, genesis } = answerOf('getNetwork', await api.inject({ url: '/v1/network' }));
    const decoded = decodeGenesis(network.crypto.hasher, utf8(JSON.stringify(genesis)));
    assert.equal(decoded.networkId, networkId);
    assert.equal(networkId, network.genesis.networkId);
  });

  it('gives its whole status', async () => {
    const body = answerOf('getStatus', await api.inject({ url: '/v1/status' }));
    assert.equal(body.waiting.reason, 'blocks of a quorum');
    assert.equal(body.posture[1]?.note, 'classical');
  });

  it('answers /health with exactly six fields and 200 or 503', async () => {
    const names = ['status', 'tps', 'latency', 'quantum_level', 'validators', 'uptime'];
    assert.deepEqual(Object.keys(answerOf('getHealth', await api.inject({ url: '/health' }))), names);
    const { health } = stubStatus();
    service.currentStatus = { ...stubStatus(), health: { ...health, status: 'unhealthy', more: 1 } as typeof health };
    assert.deepEqual(Object.keys(answerOf('getHealth', await api.inject({ url: '/health' }), 503)), names);
  });

  for (const flag of ['alive', 'synced', 'quorumProgressing', 'ableToSign', 'acceptingTransactions'] as const) {
    it(`is ready only if ${flag}`, async () => {
      answerOf('getReadiness', await api.inject({ url: '/ready' }));
      const failed = { ok: false, code: 'DISK_FULL', reason: 'no space' };
      service.currentStatus = { ...stubStatus(), readiness: { ...stubStatus().readiness, [flag]: failed } };
      assert.deepEqual(answerOf('getReadiness', await api.inject({ url: '/ready' }), 503)[flag], failed);
    });
  }

  it('is live', async () => {
    assert.deepEqual(answerOf('getLiveness', await api.inject({ url: '/live' })), { status: 'alive' });
  });
});
