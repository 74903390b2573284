/** A single transfer, submitted over plain HTTP to each of four validators, is final within 500 ms; roots are equal; /health has its six fields. */
import { readFileSync } from 'node:fs';
import { Evidence, latencies, mustAgree, onDevnet } from '../support/acceptance.ts';
import { until } from '../support/devnet.ts';
import { Load } from '../support/load.ts';

const ALL = [0, 1, 2, 3];
const FIELDS = 'status,tps,latency,quantum_level,validators,uptime';
const TRANSFERS = 200;

const evidence = new Evidence();
await onDevnet(evidence, {}, async (devnet) => {
  const api = devnet.file.validators[0]?.api as string;
  const startedMs = performance.now();
  const headers = { 'content-type': 'application/octet-stream' };
  const submitted = await fetch(`${api}/v1/transactions`, {
    method: 'POST',
    headers,
    body: readFileSync(devnet.layout.sampleFile),
  });
  const { id } = (await submitted.json()) as { id: string };
  const final = (await (await fetch(`${api}/v1/transactions/${id}?wait=final`)).json()) as { level: string };
  const sampleMs = Math.round(performance.now() - startedMs);
  evidence.figure('sample', { status: submitted.status, level: final.level, tookMs: sampleMs });
  evidence.must(
    final.level === 'final' && sampleMs < 500,
    'the signed sample is final within 500 ms of its submission by HTTP',
  );

  for (const validator of ALL) {
    const load = await Load.start(devnet, [validator]);
    await until(() => load.finals.length >= TRANSFERS / ALL.length, `${TRANSFERS / ALL.length} transfers`);
    await load.stop();
    const measured = latencies(load.finals);
    evidence.figure(`latencyOneAfterAnother.validator-${validator + 1}`, measured);
    evidence.must(
      (measured.p99Ms ?? Number.NaN) < 500,
      `validator-${validator + 1}: p99 from submission to final below 500 ms`,
    );
  }
  await mustAgree(evidence, devnet, ALL);
  for (const validator of ALL) {
    const { status, body } = await devnet.health(validator);
    evidence.figure(`health.validator-${validator + 1}`, body);
    evidence.must(
      status === 200 && Object.keys(body).join() === FIELDS,
      `validator-${validator + 1}: /health is 200 with exactly six fields`,
    );
  }
});
evidence.finish();
