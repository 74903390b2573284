/**
 * docker-compose.av10-7.yml on a real Docker Engine: `npm run test:compose`. The image is built from this checkout, on stand-ins for the base
 * images unless the environment names some (docs/deploy.md). Everything that it starts ends with it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type * as Rest from '../../src/types/rest.ts';
import { errorText } from '../../src/util/errors.ts';
import { until } from '../support/devnet.ts';
import { Deployment, nameOf, VALIDATORS, WAIT_LIMIT_MS } from './deployment.ts';
import { Engine } from './engine.ts';

const PROMETHEUS = 'http://127.0.0.1:9090';
const STOP_LIMIT_MS = 60_000;
const RULES = join(import.meta.dirname, '../../config/deploy/prometheus/alerts.yml');
const METRICS_PAGE = join(import.meta.dirname, '../../docs/metrics.md');

/** Prints what this process sees of itself. */
const CONFINEMENT = `
  const attempt = (path) => { try { require('node:fs').writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
  const status = require('node:fs').readFileSync('/proc/self/status', 'utf8');
  console.log(JSON.stringify({
    uid: process.getuid(), root: attempt('/app/x'), keys: attempt('/keys/x'), data: attempt('/data/x'),
    capabilities: /CapEff:\\s+(\\w+)/.exec(status)[1], noNewPrivileges: /NoNewPrivs:\\s+(\\d)/.exec(status)[1],
  }));`;
const READINESS = `fetch('http://127.0.0.1:8080/ready').then((a) => a.json()).then((body) => console.log(JSON.stringify(body)))`;

const say = (line: string): void => {
  process.stdout.write(`# ${line}\n`);
};

/** What was opened, to be closed in the reverse order: whatever happens, nothing runs on. */
const closers: (() => Promise<void>)[] = [];
let closing: Promise<void> | undefined;
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => void cleanUp().finally(() => process.exit(status)));

const engine = await orExplain(Engine.open());
closers.push(() => engine.close());
const net = await orExplain(Deployment.prepare(engine, say));
closers.push(() => net.close());

suite('three validators by docker compose', () => {
  const done: Rest.Transaction[] = [];

  before(async () => {
    assert.deepEqual(await net.leftovers(), [], 'left by an earlier test: docker compose -p av10-test down --volumes');
    say('building the image');
    await net.compose('build');
  });
  after(cleanUp);

  test('the file is clean and gives names, ports, volumes, limits and network as they are required', async () => {
    const { file, complaints } = await net.config();
    assert.equal(complaints, '');
    for (const validator of VALIDATORS) {
      const service = file.services[nameOf(validator)];
      assert.equal(service?.container_name, nameOf(validator));
      assert.equal(service?.image, 'aurigraph/av10-validator:10.7.0');
      const ports = service?.ports?.map(({ published, target, protocol }) => `${published}:${target}/${protocol}`);
      assert.deepEqual(ports, [
        `${30310 + validator}:30303/tcp`,
        `${30310 + validator}:30303/udp`,
        `${8180 + validator}:8080/tcp`,
        `${9090 + validator}:9090/tcp`,
        `${3000 + validator}:3000/tcp`,
      ]);
      const { limits, reservations } = service?.deploy?.resources ?? {};
      const gibibytes = (count: number): string => String(count * 2 ** 30);
      assert.deepEqual([limits?.cpus, limits?.memory], [16, gibibytes(64)]);
      assert.deepEqual([reservations?.cpus, reservations?.memory], [8, gibibytes(32)]);
      assert.ok(`av10-validator-${validator}-data` in file.volumes);
    }
    assert.ok('prometheus-av10-data' in file.volumes);
    assert.equal(file.networks['av10-network']?.ipam.config[0]?.subnet, '172.30.0.0/16');
  });

  test('one command sets the network up and starts it in order, each validator when the one before is healthy', async () => {
    const filters = ['type=container', 'event=start', 'event=die', 'event=health_status'].flatMap((it) => [
      '--filter',
      it,
    ]);
    const format = '{{.Action}} {{index .Actor.Attributes "com.docker.compose.service"}}';
    const events = engine.start(['events', ...filters, '--format', format]);
    let seen = '';
    events.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      seen += chunk;
    });
    const startedMs = performance.now();
    await net.up();
    await net.untilAllHealthy();
    say(`up and healthy after ${Math.round((performance.now() - startedMs) / 1_000)} s`);
    events.kill();
    const order = ['start setup', 'die setup'];
    for (const validator of VALIDATORS)
      order.push(`start ${nameOf(validator)}`, `health_status: healthy ${nameOf(validator)}`);
    const lines = seen.split('\n').filter((line) => order.includes(line));
    assert.deepEqual(lines, order);
    assert.equal((await net.containerOf('setup')).State.ExitCode, 0);
  });

  test('containers are not root, cannot write beside their volumes, have no capability and no shell', async () => {
    for (const validator of VALIDATORS) {
      const { Config, HostConfig } = await net.inspect(nameOf(validator));
      assert.equal(Config.User, '65532:65532');
      assert.equal(HostConfig.ReadonlyRootfs, true);
      assert.deepEqual([HostConfig.NanoCpus, HostConfig.Memory], [1e9, 2 * 2 ** 30]);
      assert.deepEqual(await net.inside(nameOf(validator), CONFINEMENT), {
        uid: 65_532,
        root: 'EROFS',
        keys: 'EROFS',
        data: 'written',
        capabilities: '0000000000000000',
        noNewPrivileges: '1',
      });
      assert.notEqual((await engine.attempt(['exec', nameOf(validator), 'sh', '-c', 'true'])).status, 0);
    }
  });

  test('transfers through each of them are certified, and states are equal', async () => {
    for (const validator of VALIDATORS) done.push(await net.transfer(validator));
    await net.mustAgreeOn(done);
  });

  test('one that was killed stops the network and loses nothing; `up` brings it back', async () => {
    await engine.docker(['kill', nameOf(2)]);
    const waiting = await net.transfer(1, 'none');
    const isStopped = async (): Promise<boolean> => (await net.get(1, '/health')).status === 503;
    await until(isStopped, 'validator 1 sees no commits any more', WAIT_LIMIT_MS);
    const { body } = await net.get<Rest.Transaction>(1, `/v1/transactions/${waiting.id}`);
    assert.equal(body.receipt, undefined, 'nothing is final without a quorum');
    await net.up();
    await net.untilAllHealthy();
    done.push(await net.untilCertified(waiting.id), await net.transfer(2));
    await net.mustAgreeOn(done);
  });

  test('one that was cut off is missed, and catches up when the network has it again', async () => {
    await engine.docker(['network', 'disconnect', net.network(), nameOf(3)]);
    const waiting = await net.transfer(1, 'none');
    const alone = async (): Promise<boolean> => {
      const readiness = await net.inside<Rest.Readiness>(nameOf(3), READINESS);
      return readiness.alive.ok && !readiness.quorumProgressing.ok;
    };
    await until(alone, 'validator 3 lives and sees no commits', WAIT_LIMIT_MS);
    assert.equal((await net.get(1, '/health')).status, 503);
    await engine.docker(['network', 'connect', net.network(), nameOf(3)]);
    await net.untilAllHealthy();
    done.push(await net.untilCertified(waiting.id), await net.transfer(3));
    await net.mustAgreeOn(done);
  });

  test('the same command again changes nothing', async () => {
    const all = [...VALIDATORS.map(nameOf), (await net.containerOf('prometheus')).Id];
    const look = () => Promise.all(all.map(async (name) => (await net.inspect(name)).State.StartedAt));
    const network = await net.get<Rest.Network>(1, '/v1/network');
    const startedAt = await look();
    await net.up();
    assert.deepEqual(await look(), startedAt);
    assert.deepEqual((await net.get<Rest.Network>(1, '/v1/network')).body, network.body);
  });

  test('Prometheus scrapes all three, and its rules are what they say', async () => {
    const query = async (expression: string): Promise<string[]> => {
      const response = await fetch(`${PROMETHEUS}/api/v1/query?query=${encodeURIComponent(expression)}`);
      const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
      return data.result.map(({ value }) => value[1]);
    };
    const scraped = async (): Promise<boolean> => (await query('sum(up{job="av10-validators"})'))[0] === '3';
    await until(scraped, 'Prometheus has scraped three validators', WAIT_LIMIT_MS);
    const promtool = (...args: string[]) =>
      net.compose(
        'run',
        '--rm',
        '--no-deps',
        '--workdir',
        '/etc/prometheus',
        '--entrypoint',
        'promtool',
        'prometheus',
        ...args,
      );
    await promtool('check', 'config', 'prometheus.yml');
    assert.match(await promtool('test', 'rules', 'alerts.test.yml'), /SUCCESS/);
    const documented = readFileSync(METRICS_PAGE, 'utf8');
    const named = new Set(readFileSync(RULES, 'utf8').match(/av10_\w+/g));
    assert.ok(named.size > 5);
    for (const metric of named) assert.ok(documented.includes(`\`${metric}\``), `${metric} is not in docs/metrics.md`);
  });

  test('all stop within 60 s with status 0, and go on where they were', async () => {
    const startedMs = performance.now();
    await net.compose('stop');
    const tookMs = performance.now() - startedMs;
    say(`stopped one after the other in ${Math.round(tookMs / 1_000)} s`);
    assert.ok(tookMs < STOP_LIMIT_MS, `${tookMs} ms`);
    for (const validator of VALIDATORS) assert.equal((await net.inspect(nameOf(validator))).State.ExitCode, 0);
    await net.up();
    await net.untilAllHealthy();
    done.push(await net.transfer(2));
    await net.mustAgreeOn(done);
  });

  test('a validator whose sign guard is gone refuses to start, and setup does not make another', async () => {
    await net.compose('rm', '--stop', '--force', 'setup', nameOf(3));
    await engine.docker(['volume', 'rm', net.volume('av10-validator-3-guard')]);
    assert.notEqual((await net.attempt('up', '--detach', '--wait')).status, 0);
    const gaveUp = async (): Promise<boolean> => (await net.inspect(nameOf(3))).State.Status === 'exited';
    await until(gaveUp, 'it is not started again and again', WAIT_LIMIT_MS);
    const { State, RestartCount } = await net.inspect(nameOf(3));
    assert.deepEqual([State.ExitCode, RestartCount], [3, 3]);
  });

  test('it comes back by an explicit recovery, which the others answer', async () => {
    const recovery = 'av10-test-recovery';
    const named = ['--detach', '--no-deps', '--use-aliases', '--name', recovery];
    await net.compose('run', ...named, nameOf(3), 'start', '--recover-identity');
    const hasRecovered = async (): Promise<boolean> => {
      const readiness = await net.inside<Rest.Readiness>(recovery, READINESS).catch(() => undefined); // not listening yet
      return readiness?.ableToSign.ok === true && readiness.quorumProgressing.ok;
    };
    await until(hasRecovered, 'the recovered validator signs again', WAIT_LIMIT_MS);
    await engine.docker(['stop', '--time', '70', recovery]);
    await engine.docker(['rm', recovery]);
    await net.up();
    await net.untilAllHealthy();
    done.push(await net.transfer(3));
    await net.mustAgreeOn(done);
  });

  test('`down --volumes` leaves nothing behind', async () => {
    await net.down();
    assert.deepEqual(await net.leftovers(), []);
  });
});

/** What cannot be had is said in a sentence, and no test runs. */
async function orExplain<T>(attempt: Promise<T>): Promise<T> {
  try {
    return await attempt;
  } catch (error) {
    process.stderr.write(`test:compose: ${errorText(error)}\n`);
    await cleanUp();
    process.exit(1);
  }
}

function cleanUp(): Promise<void> {
  closing ??= (async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  })();
  return closing;
}
