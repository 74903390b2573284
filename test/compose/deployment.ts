import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type * as Rest from '../../src/types/rest.ts';
import { until } from '../support/devnet.ts';
import type { Engine, Finished } from './engine.ts';
import { standIns } from './stand-ins.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
/** Without the `.env` of an operator who has one in this checkout. */
const FILE = ['--env-file', '/dev/null', '-f', join(ROOT, 'docker-compose.av10-7.yml')];
/** Another than the file's own, so that no volume of a real network can be met. */
const PROJECT = 'av10-test';
/** What a machine with two cores can give; the file's defaults are for production. */
const LIMITS = {
  VALIDATOR_CPUS: '1',
  VALIDATOR_MEMORY: '2G',
  VALIDATOR_RESERVED_CPUS: '0.25',
  VALIDATOR_RESERVED_MEMORY: '256M',
};
const ANSWER_LIMIT_MS = 5_000;
/** For what takes seconds on a quiet machine. */
export const WAIT_LIMIT_MS = 180_000;

export const VALIDATORS = [1, 2, 3] as const;
export type ValidatorNumber = (typeof VALIDATORS)[number];

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** The compose file of this repository on a real engine, under a project name of its own. */
export class Deployment {
  readonly engine: Engine;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #secrets: string;

  static async prepare(engine: Engine, say: (line: string) => void): Promise<Deployment> {
    return new Deployment(engine, await standIns(engine, say));
  }

  private constructor(engine: Engine, images: Readonly<Record<string, string>>) {
    this.engine = engine;
    this.#secrets = mkdtempSync(join(tmpdir(), 'av10-secrets-'));
    const passphrase = join(this.#secrets, 'passphrase');
    writeFileSync(passphrase, `${randomBytes(32).toString('base64')}\n`, { mode: 0o644 });
    const own = { VALIDATOR_IMAGE: 'av10-test-validator', AV10_PASSPHRASE_FILE: passphrase };
    this.#environment = { ...LIMITS, ...images, ...own };
  }

  compose(...args: readonly string[]): Promise<string> {
    return this.engine.docker(this.#command(args), this.#environment);
  }

  attempt(...args: readonly string[]): Promise<Finished> {
    return this.engine.attempt(this.#command(args), this.#environment);
  }

  /** The file as compose reads it without any variable set, and what compose has to complain of. */
  async config(): Promise<{ readonly file: ComposeFile; readonly complaints: string }> {
    const { status, stdout, stderr } = await this.engine.attempt(['compose', ...FILE, 'config', '--format', 'json']);
    assert.equal(status, 0, stderr);
    return { file: JSON.parse(stdout) as ComposeFile, complaints: stderr };
  }

  /** The one command of an operator. */
  async up(): Promise<void> {
    await this.compose('up', '--detach', '--wait');
  }

  async down(): Promise<void> {
    await this.compose('down', '--volumes', '--remove-orphans', '--timeout', '70');
  }

  async close(): Promise<void> {
    await this.down();
    rmSync(this.#secrets, { recursive: true, force: true });
  }

  async get<T>(validator: ValidatorNumber, path: string): Promise<Answer<T>> {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
    const response = await fetch(`http://127.0.0.1:${8180 + validator}${path}`, { signal });
    return { status: response.status, body: (await response.json()) as T };
  }

  async untilAllHealthy(): Promise<void> {
    for (const validator of VALIDATORS) {
      const isHealthy = async (): Promise<boolean> => {
        const answer = await this.get<Rest.Health>(validator, '/health').catch(() => undefined); // not reachable yet
        return answer?.status === 200 && answer.body.validators === VALIDATORS.length;
      };
      await until(isHealthy, `${nameOf(validator)} is healthy and sees all`, WAIT_LIMIT_MS);
    }
  }

  /** One transfer by the command line inside the network, as an operator would make it. */
  async transfer(through: ValidatorNumber, wait: 'none' | 'certified' = 'certified'): Promise<Rest.Transaction> {
    const endpoint = ['--url', `http://${nameOf(through)}:8080`, '--passphrase-file', '/run/secrets/passphrase'];
    const transfer = ['tx', 'transfer', '--from', `/accounts/account-${through}.json`, '--to', '3', '--amount', '7'];
    const output = await this.compose('run', '--rm', 'av10', ...transfer, ...endpoint, '--wait', wait, '--json');
    return JSON.parse(output) as Rest.Transaction;
  }

  async untilCertified(id: string): Promise<Rest.Transaction> {
    let found: Rest.Transaction | undefined;
    const isCertified = async (): Promise<boolean> => {
      const { status, body } = await this.get<Rest.Transaction>(1, `/v1/transactions/${id}`);
      if (status === 200) found = body;
      return found?.level === 'certified';
    };
    await until(isCertified, `${id} is certified`, WAIT_LIMIT_MS);
    return found as Rest.Transaction;
  }

  /** Every validator holds each transaction as it was executed, and the checkpoint over the last of them is one statement, with one state root. */
  async mustAgreeOn(transactions: readonly Rest.Transaction[]): Promise<void> {
    const path = `/v1/checkpoints/${transactions.at(-1)?.checkpoint}`;
    const statements = new Set<string>();
    for (const validator of VALIDATORS) {
      const has = async (): Promise<boolean> => (await this.get(validator, path)).status === 200;
      await until(has, `${nameOf(validator)} has ${path}`, WAIT_LIMIT_MS);
      statements.add((await this.get<Rest.Checkpoint>(validator, path)).body.statement);
      for (const { id, receipt } of transactions) {
        assert.equal(receipt?.code, 'OK', id);
        const held = await this.get<Rest.Transaction>(validator, `/v1/transactions/${id}`);
        assert.deepEqual(held.body.receipt, receipt, `${nameOf(validator)} holds ${id} as it was executed`);
      }
    }
    assert.equal(statements.size, 1, `${path}: state roots differ`);
  }

  /** A program of our own inside the container of a validator; it must print JSON. */
  async inside<T>(container: string, program: string): Promise<T> {
    return JSON.parse(await this.engine.docker(['exec', container, '/app/node', '-e', program])) as T;
  }

  async inspect(container: string): Promise<Container> {
    const [found] = JSON.parse(await this.engine.docker(['inspect', container])) as [Container];
    return found;
  }

  async containerOf(service: string): Promise<Container> {
    return this.inspect((await this.compose('ps', '--all', '--quiet', service)).trim());
  }

  /** Containers, volumes and networks of the project that are there. */
  async leftovers(): Promise<string[]> {
    const filter = ['--filter', `label=com.docker.compose.project=${PROJECT}`, '--quiet'];
    const lists = [
      ['ps', '--all'],
      ['volume', 'ls'],
      ['network', 'ls'],
    ].map((list) => this.engine.docker([...list, ...filter]));
    return (await Promise.all(lists)).flatMap((text) => text.split('\n').filter((line) => line !== ''));
  }

  network(): string {
    return `${PROJECT}_av10-network`;
  }

  volume(name: string): string {
    return `${PROJECT}_${name}`;
  }

  #command(args: readonly string[]): string[] {
    return ['compose', '--project-name', PROJECT, ...FILE, ...args];
  }
}

export function nameOf(validator: ValidatorNumber): string {
  return `av10-validator-${validator}`;
}

/** Of `docker compose config`, as far as it is looked at here. */
export interface ComposeFile {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly container_name?: string;
        readonly ports?: readonly { readonly target: number; readonly published: string; readonly protocol: string }[];
        readonly deploy?: { readonly resources: Readonly<Record<'limits' | 'reservations', Record<string, unknown>>> };
      }
    >
  >;
  readonly networks: Readonly<
    Record<string, { readonly ipam: { readonly config: readonly { readonly subnet: string }[] } }>
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** Of `docker inspect`, likewise. */
export interface Container {
  readonly Id: string;
  readonly RestartCount: number;
  readonly State: { readonly Status: string; readonly ExitCode: number; readonly StartedAt: string };
  readonly Config: { readonly User: string };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[];
    readonly SecurityOpt: readonly string[];
    readonly Memory: number;
    readonly NanoCpus: number;
  };
}
