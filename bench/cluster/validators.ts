import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DevnetLayout, devnetPorts, loopback, validatorName } from '../../src/cli/devnet/layout.ts';
import { initialiseValidator, makeValidator, writeConfigs } from '../../src/cli/devnet/network.ts';
import { requirePortsFree } from '../../src/cli/devnet/ports.ts';
import { ValidatorProcess } from '../../src/cli/devnet/validator-process.ts';
import { writeGenesis } from '../../src/cli/genesis-writer.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import type { Member } from '../../src/params/committee.ts';
import { defaultParameters } from '../../src/params/protocol-parameters.ts';
import { Api } from './api.ts';
import { BenchError } from './errors.ts';
import type { BenchOptions } from './options.ts';
import type { Senders } from './senders.ts';

const ENTRY = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const READY_LIMIT_MS = 120_000;
const POLL_MS = 100;

/** The processes that are measured, each with a log, a sign guard and a ledger of its own. */
export class Validators {
  readonly networkId: string;
  readonly apis: readonly Api[];
  /** Rejects when one of them ends before `stop`. */
  readonly failed: Promise<never>;
  readonly #processes: readonly ValidatorProcess[];
  #isStopping = false;

  private constructor(networkId: string, processes: readonly ValidatorProcess[], apis: readonly Api[]) {
    this.networkId = networkId;
    this.#processes = processes;
    this.apis = apis;
    this.failed = Promise.race(processes.map((each) => this.#watch(each)));
    this.failed.catch(() => undefined);
  }

  /** Makes a network in an empty folder and starts it. @throws CliError PORT_IN_USE; BenchError BENCH_VALIDATOR_ENDED */
  static async start(baseDir: string, options: BenchOptions, senders: Senders): Promise<Validators> {
    const layout = new DevnetLayout(baseDir);
    const indices = Array.from({ length: options.validators }, (_, index) => index);
    const ports = indices.map((index) => devnetPorts(index, options.portOffset));
    await requirePortsFree(ports.flatMap((each) => Object.values(each)));
    const networkId = await makeNetwork(layout, indices, senders);
    await writeConfigs(layout, { networkId, validators: options.validators, accounts: [] }, options.portOffset);
    const processes = indices.map(
      (index) => new ValidatorProcess(validatorName(index), ENTRY, layout.validator(index)),
    );
    const apis = ports.map(({ api, metrics }, index) => {
      const urls = { api: `http://${loopback(api)}`, metrics: `http://${loopback(metrics)}` };
      return new Api({ name: validatorName(index), ...urls });
    });
    const validators = new Validators(networkId, processes, apis);
    try {
      await Promise.race([validators.failed, validators.#untilHealthy()]);
      return validators;
    } catch (error) {
      await validators.stop();
      throw error;
    }
  }

  get pids(): readonly number[] {
    return this.#processes.map(({ pid }) => pid);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const api of this.apis) api.close();
    await Promise.all(this.#processes.map((each) => each.stop()));
  }

  async #untilHealthy(): Promise<void> {
    for (const endMs = performance.now() + READY_LIMIT_MS; performance.now() < endMs; await delay(POLL_MS)) {
      const healthy = await Promise.all(this.apis.map((api) => api.isHealthy(this.apis.length)));
      if (healthy.every((flag) => flag)) return;
    }
    const log = this.#processes[0]?.log ?? '';
    const message = `not all validators were healthy within ${READY_LIMIT_MS / 1_000} s: see ${log}`;
    throw new BenchError('BENCH_VALIDATOR_ENDED', message, { log });
  }

  async #watch(validator: ValidatorProcess): Promise<never> {
    const how = await validator.ended;
    if (this.#isStopping) return new Promise(() => undefined);
    const text = [`${validator.name} ${how}; the end of its log:`, ...validator.lastLogLines()].join('\n  ');
    throw new BenchError('BENCH_VALIDATOR_ENDED', text, { validator: validator.name, log: validator.log });
  }
}

async function makeNetwork(layout: DevnetLayout, indices: readonly number[], senders: Senders): Promise<string> {
  const crypto = nativeBackend();
  await mkdir(layout.baseDir, { recursive: true });
  const members: Member[] = [];
  for (const index of indices) members.push(await makeValidator(crypto, layout, index));
  const content = {
    ...{ name: 'bench', timeMs: Date.now(), members, assets: [{ symbol: 'AV10', decimals: 6 }] },
    parameters: defaultParameters(indices.length),
  };
  const { genesis } = await writeGenesis(crypto.hasher, layout.baseDir, content, senders.genesisAccounts());
  for (const index of indices) await initialiseValidator(layout, index);
  return genesis.networkId;
}
