import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type TestDevnet, until } from '../support/devnet.ts';
import type { MongoServer } from './mongo-server.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const CATCH_UP_LIMIT_MS = 300_000;

export interface Problem {
  readonly finding: 'altered' | 'missing' | 'added';
  readonly collection: string;
  readonly id: string;
  readonly detail: string;
}

/** What `archive verify` and `restore` print with `--json`. */
export interface Audit {
  readonly level: string;
  readonly levelFrom: 'configuration' | 'database';
  /** What the archive says that it has. */
  readonly height: number;
  readonly certifiedCommit: number;
  readonly commits: number;
  readonly dagBlocks: number;
  readonly transactions: number;
  readonly transfers: number;
  readonly certificates: number;
  readonly comparedCheckpoints: number;
  readonly altered: number;
  readonly missing: number;
  readonly added: number;
  readonly beyond: number;
  readonly unjudged: number;
  readonly checkpoint: number | null;
  readonly accountsRoot: string | null;
  readonly problems: readonly Problem[];
}

export interface Restored extends Audit {
  readonly leftOut: number;
}

export interface Finished<T> {
  readonly status: number;
  readonly value: T;
  readonly errors: string;
}

/** A devnet some of whose validators archive, and the command line beside it. */
export class ArchivedNet {
  readonly devnet: TestDevnet;
  readonly server: MongoServer;
  readonly #database: string;
  readonly #level: string;

  constructor(devnet: TestDevnet, server: MongoServer, database: string, level: string) {
    this.devnet = devnet;
    this.server = server;
    this.#database = database;
    this.#level = level;
  }

  /** Settings of the archive, as flags. */
  get flags(): string[] {
    const file = ['--archive-uri-file', this.server.uriFile, '--archive-database', this.#database];
    return ['--archive-level', this.#level, ...file];
  }

  /** Starts the validator again, as one that archives. */
  async archiveAt(validator: number): Promise<void> {
    await this.devnet.kill(validator);
    this.devnet.restart(validator, ...this.flags);
    await this.devnet.untilHealthy(validator);
  }

  /** The archive's metrics of one validator, by name and labels. */
  async metrics(validator: number): Promise<ReadonlyMap<string, number>> {
    const url = `${this.devnet.file.validators[validator]?.metrics}/metrics`;
    const text = await (await fetch(url)).text();
    const lines = text
      .split('\n')
      .filter((line) => /^(av10_(archive|transactions)_|nodejs_eventloop_lag_p99)/.test(line));
    return new Map(lines.map((line): [string, number] => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]));
  }

  async metric(validator: number, name: string): Promise<number> {
    const found = (await this.metrics(validator)).get(name);
    assert.ok(found !== undefined, `no metric ${name}`);
    return found;
  }

  async untilArchived(validator: number, commit: number): Promise<void> {
    const has = async (): Promise<boolean> => (await this.metric(validator, 'av10_archive_commit')) >= commit;
    await until(has, `commit ${commit} is archived`, CATCH_UP_LIMIT_MS);
  }

  /** @param level that it is told to expect, instead of what is archived */
  verify(level = this.#level): Promise<Finished<Audit>> {
    const { genesisFile } = this.devnet.layout;
    return this.#av10('archive', 'verify', '--genesis-file', genesisFile, ...this.flags, '--archive-level', level);
  }

  restore(validator: number, dataDir: string): Promise<Finished<Restored>> {
    const { config } = this.devnet.layout.validator(validator);
    return this.#av10('restore', '--from-archive', '--config', config, '--data-dir', dataDir, ...this.flags);
  }

  #av10<T>(...args: readonly string[]): Promise<Finished<T>> {
    const options = { maxBuffer: MAX_OUTPUT_BYTES };
    return new Promise((resolve) => {
      execFile(process.execPath, [MAIN, ...args, '--json'], options, (error, stdout, errors) => {
        const status = error === null ? 0 : Number(error.code ?? 1);
        resolve({ status, value: stdout === '' ? (undefined as unknown as T) : JSON.parse(stdout), errors });
      });
    });
  }
}
