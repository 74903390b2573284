import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { nativeBackend } from '../../crypto/native.ts';
import { NodeDisk } from '../../storage/index.ts';
import type { DiskErrorCode, DiskLock } from '../../util/disk.ts';
import { isCoded } from '../../util/errors.ts';
import {
  DevnetLayout,
  devnetPorts,
  loopback,
  MAX_DEVNET_ACCOUNTS,
  MAX_DEVNET_VALIDATORS,
  MAX_PORT_OFFSET,
  validatorName,
} from '../devnet/layout.ts';
import { type DevnetNetwork, type DevnetWishes, prepareNetwork, writeConfigs } from '../devnet/network.ts';
import { requirePortsFree } from '../devnet/ports.ts';
import { writeSample } from '../devnet/sample.ts';
import { ValidatorProcess } from '../devnet/validator-process.ts';
import { CliError } from '../errors.ts';
import { exists, replaceFile } from '../files.ts';
import { integerOption } from '../number-option.ts';
import { StopRequest } from '../stop-request.ts';
import type { Terminal } from '../terminal.ts';

/** A validator is up within a second or two; a loaded machine of two cores takes its time. */
const READY_LIMIT_MS = 120_000;
const POLL_MS = 50;
const ANSWER_LIMIT_MS = 2_000;
const SHOWN_ACCOUNTS = 4;

export interface DevnetOptions {
  readonly baseDir: string;
  readonly validators?: string;
  readonly accounts?: string;
  readonly portOffset?: string;
  readonly fresh?: true;
}

/** `av10 devnet`: a network of separate validator processes on this machine, until Ctrl-C. Resolves to the exit status. */
export async function runDevnet(options: DevnetOptions, entry: string, terminal: Terminal): Promise<number> {
  const wishes = {
    validators: integerOption('--validators', options.validators, 1, MAX_DEVNET_VALIDATORS),
    accounts: integerOption('--accounts', options.accounts, 1, MAX_DEVNET_ACCOUNTS),
    fresh: options.fresh === true,
  };
  const portOffset = integerOption('--port-offset', options.portOffset, 0, MAX_PORT_OFFSET) ?? 0;
  const layout = new DevnetLayout(options.baseDir);
  const stopRequest = new StopRequest();
  try {
    const network = await prepareLocked(layout, wishes);
    const lock = await lockBase(layout);
    try {
      await new Devnet({ layout, network, portOffset, entry }, terminal).run(stopRequest.received);
    } finally {
      await lock.release();
    }
    return 0;
  } finally {
    stopRequest.dispose();
  }
}

interface DevnetSetup {
  readonly layout: DevnetLayout;
  readonly network: DevnetNetwork;
  readonly portOffset: number;
  /** The module that a validator process runs. */
  readonly entry: string;
}

/** The running processes of a prepared network. */
class Devnet {
  readonly #setup: DevnetSetup;
  readonly #terminal: Terminal;
  readonly #indices: readonly number[];
  readonly #apis: readonly string[];
  #isStopping = false;

  constructor(setup: DevnetSetup, terminal: Terminal) {
    this.#setup = setup;
    this.#terminal = terminal;
    this.#indices = Array.from({ length: setup.network.validators }, (_, index) => index);
    this.#apis = this.#indices.map((index) => `http://${loopback(devnetPorts(index, setup.portOffset).api)}`);
  }

  /** @throws CliError PORT_IN_USE, DEVNET_FAILED */
  async run(stopRequested: Promise<string>): Promise<void> {
    const { layout, network, portOffset, entry } = this.#setup;
    await rm(layout.devnetFile, { force: true });
    await requirePortsFree(this.#indices.flatMap((index) => Object.values(devnetPorts(index, portOffset))));
    await writeConfigs(layout, network, portOffset);
    const processes = this.#indices.map(
      (index) => new ValidatorProcess(validatorName(index), entry, layout.validator(index)),
    );
    try {
      this.#terminal.note(`${network.validators} validators started, waiting until all are healthy`);
      const isUp = await Promise.race([stopRequested.then(() => false), this.#untilHealthy(processes)]);
      if (!isUp) return;
      await this.#announce(processes);
      for (const each of processes) void this.#reportEnd(each);
      await stopRequested;
    } finally {
      this.#isStopping = true;
      this.#terminal.note('stopping');
      await Promise.all(processes.map((each) => each.stop()));
      await rm(layout.devnetFile, { force: true });
    }
  }

  async #untilHealthy(processes: readonly ValidatorProcess[]): Promise<true> {
    let failed: CliError | undefined;
    for (const each of processes) {
      void each.ended.then((how) => {
        const text = [`${each.name} ${how}; the end of ${each.log}:`, ...each.lastLogLines()].join('\n  ');
        failed ??= new CliError('DEVNET_FAILED', text, { validator: each.name, log: each.log });
      });
    }
    const deadlineMs = performance.now() + READY_LIMIT_MS;
    while (performance.now() < deadlineMs && !this.#isStopping) {
      if (failed !== undefined) throw failed;
      const healthy = await Promise.all(this.#apis.map((api) => isHealthy(api, processes.length)));
      if (healthy.every((flag) => flag)) return true;
      await delay(POLL_MS);
    }
    const message = `not all validators were healthy within ${READY_LIMIT_MS / 1_000} s: see ${this.#setup.layout.validator(0).log}`;
    throw new CliError('DEVNET_FAILED', message, { log: this.#setup.layout.validator(0).log });
  }

  /** The file first: whoever waits for the lines may read it. */
  async #announce(processes: readonly ValidatorProcess[]): Promise<void> {
    const { layout, network, portOffset } = this.#setup;
    const sample = await writeSample(nativeBackend(), layout, network, this.#apis[0] as string);
    const validators = processes.map(({ name, pid, log }, index) => {
      const metrics = `http://${loopback(devnetPorts(index, portOffset).metrics)}`;
      return { name, pid, api: this.#apis[index] as string, metrics, log };
    });
    const accounts = network.accounts.map((account) => ({ ...account, ...layout.account(account.name) }));
    const value = { networkId: network.networkId, pid: process.pid, validators, accounts };
    await replaceFile(layout.devnetFile, `${JSON.stringify(value, null, 2)}\n`);
    this.#terminal.result(value, [
      `Network ${network.networkId}`,
      ...validators.map(({ name, api, metrics, log }) => `  ${name}  ${api}  ${metrics}/metrics  ${log}`),
      `Funded accounts (keystore and passphrase file of each in ${layout.devnetFile}):`,
      ...accounts
        .slice(0, SHOWN_ACCOUNTS)
        .map(({ name, address, handle }) => `  ${name}  handle ${handle}  ${address}`),
      ...(accounts.length > SHOWN_ACCOUNTS ? [`  and ${accounts.length - SHOWN_ACCOUNTS} more`] : []),
      ...sample,
      'Ctrl-C ends everything; the next start goes on from here, one with --fresh from nothing.',
    ]);
  }

  async #reportEnd(each: ValidatorProcess): Promise<void> {
    const how = await each.ended;
    if (!this.#isStopping) this.#terminal.warn(`${each.name} ${how}. To start it again:\n  ${each.command}`);
  }
}

/** Locked while it is looked at or deleted, if it is there; what is made anew is locked by the caller. */
async function prepareLocked(layout: DevnetLayout, wishes: DevnetWishes): Promise<DevnetNetwork> {
  const lock = (await exists(layout.baseDir)) ? await lockBase(layout) : undefined;
  try {
    return await prepareNetwork(layout, wishes);
  } finally {
    await lock?.release();
  }
}

async function lockBase({ baseDir }: DevnetLayout): Promise<DiskLock> {
  try {
    return await new NodeDisk(baseDir).lock('.');
  } catch (error) {
    if (!isCoded<DiskErrorCode>(error, 'LOCKED')) throw error;
    throw new CliError('DEVNET_RUNNING', `a devnet runs in ${baseDir}: stop it first`, { path: baseDir });
  }
}

async function isHealthy(api: string, validators: number): Promise<boolean> {
  try {
    const response = await fetch(`${api}/health`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    const health = (await response.json()) as { readonly validators?: unknown };
    return response.status === 200 && health.validators === validators;
  } catch {
    return false; // not listening yet; the process itself is watched
  }
}
