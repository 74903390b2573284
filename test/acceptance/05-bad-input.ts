/**
 * Bad input over HTTP: each gets its stable code with a status below 500 or a closed connection, clients that take their time are cut off, and
 * the validator stays healthy meanwhile and quick for an honest one. `requests`, `bytes`, `unread` or `slow` as arguments run these
 * parts only.
 */
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { MAX_CONNECTIONS } from '../../src/api/options.ts';
import type { Wallet } from '../../src/client/index.ts';
import { Evidence, mustAgree, mustBeSound, onDevnet, seconds } from '../support/acceptance.ts';
import { type BadRequest, badRequests, badTransactions } from '../support/bad-requests.ts';
import type { TestDevnet } from '../support/devnet.ts';
import { isAnswered, LiveProbe } from '../support/live-probe.ts';
import { MetricsWatch } from '../support/loop-lag.ts';
import { MALFORMED } from '../support/malformed-requests.ts';
import { talk } from '../support/raw-http.ts';
import { SlowClients, type Slowness } from '../support/slow-clients.ts';

const ALL = [0, 1, 2, 3];
const VICTIM = 0;
const LAG_LIMIT_MS = 200;
const BEYOND = 400;
/** As many requests as a stranger may send at once: 100 each. */
const UNREADING = 4;
/** Of src/api/options.ts, with the time of the look that finds them; a connection that takes nothing is looked at twice. */
const CUT_WITHIN_MS: Readonly<Record<Slowness, number>> = {
  silent: 12_500,
  headers: 12_500,
  body: 32_500,
  answers: 155_000,
};
const MEMORY_LIMIT_BYTES = 128 * 1024 * 1024;
/** Long enough for a histogram to mean something. */
const LOOK_MS = 5_000;
const parts = process.argv.slice(2);

const isAsked = (part: string): boolean => parts.length === 0 || parts.includes(part);

const evidence = new Evidence();
await onDevnet(evidence, {}, async (devnet) => {
  const { api, metrics } = devnet.file.validators[VICTIM] as (typeof devnet.file.validators)[number];
  const wallet = await devnet.wallet(0, devnet.client(VICTIM));
  await mustPay(devnet, wallet, 'before');
  const probe = await LiveProbe.start({ url: `${api}/live`, connections: 'kept' });
  if (isAsked('requests'))
    await inRoom('requests', metrics, async () => {
      for (const bad of [...badRequests(), ...(await badTransactions(wallet))]) mustAnswer(bad, await send(api, bad));
    });
  if (isAsked('bytes')) await inRoom('bytes', metrics, () => sendMalformed(devnet, api));
  if (isAsked('unread')) await inRoom('unread answers', metrics, (watch) => leaveUnread(devnet, api, watch, wallet));
  if (isAsked('slow'))
    for (const slowness of ['silent', 'headers', 'body'] as const)
      await inRoom(`slow ${slowness}`, metrics, () => beSlow(devnet, api, slowness, wallet));
  const live = await probe.stop();
  evidence.figure('liveAnswers', live);
  evidence.must(
    live.failed === 0 && live.p99Ms < LAG_LIMIT_MS,
    'GET /live on an open connection meanwhile: always answered, p99 below 200 ms',
  );
  for (const validator of ALL)
    evidence.must((await devnet.health(validator)).status === 200, `validator-${validator + 1} is healthy afterwards`);
  await mustPay(devnet, wallet, 'afterwards');
  mustBeSound(evidence, devnet);
  const failed = devnet.logLines(VICTIM).filter(({ msg }) => msg === 'a request failed');
  evidence.must(
    failed.length === 0,
    `no request failed inside${failed.map((line) => `\n  ${JSON.stringify(line)}`).join('')}`,
  );
  await mustAgree(evidence, devnet, ALL);
});
evidence.finish();

/** What the event loop of the validator is late by while this goes on, as its own metrics have it. */
async function inRoom(name: string, metrics: string, act: (watch: MetricsWatch) => Promise<void>): Promise<void> {
  const watch = await MetricsWatch.begin(metrics);
  await act(watch);
  const lag = await watch.end();
  evidence.figure(`loopLag, ${name}`, lag);
  evidence.must(
    lag.p99Ms < LAG_LIMIT_MS,
    `${name}: the event loop is late by ${lag.p99Ms} ms at p99, below ${LAG_LIMIT_MS} ms`,
  );
}

async function mustPay(devnet: TestDevnet, wallet: Wallet, when: string): Promise<void> {
  const startedMs = performance.now();
  const { id } = await wallet.transfer([{ to: 1, amount: 1n }]);
  const { level } = await devnet.client(VICTIM).waitFinal(id);
  evidence.must(level === 'final', `${when}: a transfer is final in ${seconds(performance.now() - startedMs)} s`);
}

function mustAnswer(bad: BadRequest, { status, code }: { readonly status: number; readonly code: string }): void {
  const isSo = status === bad.status && code === bad.code;
  evidence.must(isSo, `${bad.name}: ${bad.status} ${bad.code}${isSo ? '' : ` (got ${status} ${code})`}`);
}

async function sendMalformed(devnet: TestDevnet, api: string): Promise<void> {
  const before = devnet.anonymousBytes(VICTIM);
  for (const { name, bytes, answers, closes, mayBeLost = false } of MALFORMED) {
    const { answers: got, isClosed } = await talk(api, bytes, { awaited: Math.max(1, answers.length) });
    const shown = (list: typeof got): string => list.map(({ status, code }) => `${status} ${code}`.trim()).join(', ');
    const isAnswer = shown(got) === shown(answers) || (mayBeLost && got.length === 0);
    const isSo = isAnswer && isClosed === closes;
    const expected = answers.length > 5 ? `${answers.length} answers` : shown(answers);
    const ending = closes ? 'closed' : 'open';
    evidence.must(
      isSo,
      `${name}: ${[expected, ending].filter(Boolean).join(', ')}${isSo ? '' : ` (got ${shown(got).slice(0, 200)}, ${isClosed ? 'closed' : 'open'})`}`,
    );
  }
  const grown = devnet.anonymousBytes(VICTIM) - before;
  evidence.figure('memoryGrownBytes, bytes', grown);
  evidence.must(grown < MEMORY_LIMIT_BYTES, 'memory has grown by less than 128 MiB');
}

/** As many slow clients as there are connections, and more: who has a connection is served, who comes new is served once they are cut off. */
async function beSlow(devnet: TestDevnet, api: string, slowness: Slowness, wallet: Wallet): Promise<void> {
  const half = await SlowClients.open(api, MAX_CONNECTIONS / 2, slowness);
  const beside = await LiveProbe.start({ url: `${api}/live`, connections: 'new' });
  await mustPay(devnet, wallet, `beside ${half.open} slow clients (${slowness})`);
  await delay(2_000);
  const { count, failed, p99Ms } = await beside.stop();
  evidence.must(
    failed === 0,
    `beside ${half.open} slow clients (${slowness}): ${count} new connections, all answered, p99 ${p99Ms} ms`,
  );
  const rest = await SlowClients.open(api, MAX_CONNECTIONS / 2 + BEYOND, slowness);
  const atLimit = half.open + rest.open;
  evidence.must(atLimit <= MAX_CONNECTIONS, `${atLimit} of ${MAX_CONNECTIONS + BEYOND} slow clients are let in`);
  const startedMs = performance.now();
  await mustPay(devnet, wallet, `at the limit of connections (${slowness})`);
  evidence.figure(`a new client at the limit, ${slowness}`, (await isAnswered(`${api}/live`)) ? 'served' : 'refused');
  const limitMs = CUT_WITHIN_MS[slowness] + 2_000;
  const isEveryoneCut = (await half.untilAllCut(limitMs)) && (await rest.untilAllCut(limitMs));
  const longestMs = Math.max(half.longestMs, rest.longestMs);
  evidence.figure(`cut off, ${slowness}`, { after: seconds(longestMs), statuses: [half.endings, rest.endings] });
  evidence.must(
    isEveryoneCut && longestMs < CUT_WITHIN_MS[slowness],
    `slow clients (${slowness}) are cut off within ${CUT_WITHIN_MS[slowness]} ms`,
  );
  evidence.must(await isAnswered(`${api}/live`), 'then a new client is served');
  evidence.figure(`a new client is served, ${slowness}`, {
    secondsAfterTheLimit: seconds(performance.now() - startedMs),
  });
  half.close();
  rest.close();
}

/** Strangers that ask for as much as they may at once and read nothing: what waits for them is bounded, and they are cut off too. */
async function leaveUnread(devnet: TestDevnet, api: string, watch: MetricsWatch, wallet: Wallet): Promise<void> {
  const open = async (): Promise<number> =>
    Number(/^av10_api_connections\{group="none"\} (\d+)$/m.exec(await watch.look())?.[1]);
  const before = { bytes: devnet.anonymousBytes(VICTIM), open: await open() };
  const startedMs = performance.now();
  const clients = await SlowClients.open(api, UNREADING, 'answers');
  await mustPay(devnet, wallet, `beside ${UNREADING} clients that read nothing`);
  const grown = devnet.anonymousBytes(VICTIM) - before.bytes;
  evidence.figure('memoryGrownBytes, unread answers', grown);
  evidence.must(grown < MEMORY_LIMIT_BYTES, 'memory has grown by less than 128 MiB');
  const limitMs = CUT_WITHIN_MS.answers;
  while ((await open()) > before.open && performance.now() - startedMs < limitMs) await delay(LOOK_MS);
  evidence.must(
    (await open()) <= before.open,
    `clients that read nothing are cut off within ${seconds(limitMs)} s (${seconds(performance.now() - startedMs)} s)`,
  );
  clients.close();
}

/** With node:http, because it reads an answer that comes before the request was taken whole, as curl does. */
async function send(
  api: string,
  { path = '/v1/transactions', type, encoding, body }: BadRequest,
): Promise<{ readonly status: number; readonly code: string }> {
  const headers =
    type === undefined || body === undefined
      ? {}
      : {
          'content-type': type,
          'content-length': Buffer.byteLength(body),
          ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
        };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const method = body === undefined ? 'GET' : 'POST';
  const outgoing = request(api + path, { method, headers, agent: false }, resolve);
  outgoing.on('error', reject).end(body);
  const answer = await promise;
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  outgoing.destroy();
  const { code } = JSON.parse(Buffer.concat(chunks).toString()) as { code: string };
  return { status: answer.statusCode ?? 0, code };
}
