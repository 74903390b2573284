import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DevnetLayout, devnetPorts, HOST } from '../../src/cli/devnet/layout.ts';
import { isPortFree } from '../../src/cli/devnet/ports.ts';
import { Av10Client, Wallet } from '../../src/client/index.ts';
import { nodeSend } from '../../src/client/node-send.ts';
import { openKeystore } from '../../src/crypto/keystore.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import type * as Rest from '../../src/types/rest.ts';
import { toHex, utf8 } from '../../src/util/bytes.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ENTRY = join(ROOT, 'src', 'main.ts');
const POLL_MS = 25;
const READY_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 90_000;
const ALARMS: readonly string[] = ['equivocation', 'halted', 'crashed'];
/** What Linux tells every program, whatever the kernel counts in. */
const CLOCK_TICK_MS = 10;

/** `devnet.json`, as tools rely on it. */
export interface DevnetFile {
  readonly networkId: string;
  readonly pid: number;
  readonly validators: readonly {
    readonly name: string;
    readonly pid: number;
    readonly api: string;
    readonly metrics: string;
    readonly log: string;
  }[];
  readonly accounts: readonly {
    readonly name: string;
    readonly address: string;
    readonly handle: number;
    readonly keyFile: string;
    readonly passphraseFile: string;
  }[];
}

export interface DevnetOptions {
  readonly validators?: number;
  readonly accounts?: number;
}

/** What a validator is started through: a program with its arguments, and variables. */
export interface Room {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where it logs, if not where the devnet says. */
  readonly log?: string;
}

export interface Ready {
  readonly status: number;
  readonly body: Rest.Readiness;
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly time: string;
  readonly [field: string]: unknown;
}

/** A devnet of real processes in a temporary folder, on ports that were free. What a test starts again by hand, `stop` ends too. */
export class TestDevnet {
  file: DevnetFile;
  readonly layout: DevnetLayout;
  readonly #launcher: ChildProcess;
  readonly #restarted: ChildProcess[] = [];
  readonly #send = nodeSend(64);

  static async start({ validators = 4, accounts = 4 }: DevnetOptions = {}): Promise<TestDevnet> {
    const baseDir = join(mkdtempSync(join(tmpdir(), 'av10-devnet-')), 'net');
    const offset = await freeOffset(validators);
    const numbers = ['--validators', validators, '--accounts', accounts, '--port-offset', offset].map(String);
    const args = [ENTRY, 'devnet', '--base-dir', baseDir, ...numbers];
    const launcher = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    launcher.stderr?.on('data', (chunk) => {
      errors += chunk;
    });
    const layout = new DevnetLayout(baseDir);
    await until(() => existsSync(layout.devnetFile) || launcher.exitCode !== null, 'devnet.json', READY_LIMIT_MS);
    assert.equal(launcher.exitCode, null, `the devnet ended: ${errors}`);
    return new TestDevnet(layout, launcher);
  }

  private constructor(layout: DevnetLayout, launcher: ChildProcess) {
    this.layout = layout;
    this.#launcher = launcher;
    this.file = JSON.parse(readFileSync(layout.devnetFile, 'utf8'));
  }

  /** A client of one validator, or of all with one preferred. */
  client(validator: number, scope: 'only' | 'first' = 'only'): Av10Client {
    const urls = this.file.validators.map(({ api }) => api);
    const [own] = urls.splice(validator, 1) as [string];
    const options = { urls: scope === 'only' ? [own] : [own, ...urls], networkId: this.file.networkId };
    return new Av10Client(options, { crypto: nativeBackend(), send: this.#send });
  }

  async wallet(account: number, client: Av10Client): Promise<Wallet> {
    return new Wallet(client, nativeBackend().signerFromSeed(await this.#openKey(account)));
  }

  /** Of an account's key, in hexadecimal: what no program but a test takes out of a keystore. */
  async seed(account: number): Promise<string> {
    return toHex((await this.#openKey(account)).reveal());
  }

  signal(validator: number, signal: NodeJS.Signals): void {
    process.kill(this.#pidOf(validator), signal);
  }

  async kill(validator: number): Promise<void> {
    const pid = this.#pidOf(validator);
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), `${pid} is gone`);
  }

  /** The command that the devnet prints for a validator that ended, run by hand. */
  restart(validator: number, ...flags: readonly string[]): ChildProcess {
    return this.restartIn({ command: [], environment: {} }, validator, ...flags);
  }

  /** The same in a room of its own; its log goes on in the file that `devnet.json` names. */
  restartIn(room: Room, validator: number, ...flags: readonly string[]): ChildProcess {
    const start = [process.execPath, ENTRY, 'start', '--config', this.layout.validator(validator).config, ...flags];
    const [program, ...args] = [...room.command, ...start] as [string, ...string[]];
    if (room.log !== undefined) this.#move(validator, { log: room.log });
    const log = openSync(this.#validator(validator).log, 'a');
    const env = { ...process.env, ...room.environment };
    const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    this.#restarted[validator] = child;
    return child;
  }

  /** The validator answers elsewhere from its next start on. */
  moveApi(validator: number, api: string): void {
    this.#move(validator, { api });
  }

  p2pAddress(validator: number): string {
    const config = JSON.parse(readFileSync(this.layout.validator(validator).config, 'utf8')) as { p2pListen: string };
    return config.p2pListen;
  }

  /** Of the process that runs now. */
  pid(validator: number): number {
    return this.#pidOf(validator);
  }

  /** What the validator logged from `fromByte` on, one object a line. */
  logLines(validator: number, fromByte = 0): LogLine[] {
    return parseLog(readFileSync(this.#validator(validator).log).subarray(fromByte));
  }

  /** Lines of all logs that no fault of the machine or of one member excuses. */
  alarms(): string[] {
    return this.file.validators.flatMap(({ name }, index) =>
      this.logLines(index)
        .filter(({ msg }) => ALARMS.includes(msg))
        .map((line) => `${name}: ${JSON.stringify(line)}`),
    );
  }

  async untilExecuted(validator: number, commit: number, limitMs = 60_000): Promise<void> {
    const has = async (): Promise<boolean> => (await this.client(validator).status()).lastExecuted >= commit;
    await until(has, `${this.#validator(validator).name} has executed commit ${commit}`, limitMs);
  }

  /** The validator makes a block of its own that it had not made when this was asked. */
  async untilProposes(validator: number): Promise<void> {
    const { lastProposedRound } = await this.client(validator).status();
    const has = async (): Promise<boolean> =>
      (await this.client(validator).status()).lastProposedRound > lastProposedRound;
    await until(has, `${this.#validator(validator).name} proposes`);
  }

  async untilReadiness(
    validator: number,
    what: string,
    holds: (answer: Ready) => boolean,
    limitMs?: number,
  ): Promise<Ready> {
    let last: Ready | undefined;
    const has = async (): Promise<boolean> => {
      last = await this.readiness(validator).catch(() => undefined); // not listening yet, or not any more
      return last !== undefined && holds(last);
    };
    await until(has, `/ready of ${this.#validator(validator).name}: ${what}`, limitMs);
    return last as Ready;
  }

  logBytes(validator: number): number {
    return statSync(this.#validator(validator).log).size;
  }

  async readiness(validator: number): Promise<Ready> {
    const response = await fetch(`${this.#validator(validator).api}/ready`, { signal: AbortSignal.timeout(5_000) });
    return { status: response.status, body: (await response.json()) as Rest.Readiness };
  }

  /** Processor time that the process has used, in milliseconds. */
  processorMs(validator: number): number {
    const stat = readFileSync(`/proc/${this.#pidOf(validator)}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return (Number(user) + Number(system)) * CLOCK_TICK_MS;
  }

  async untilHealthy(validator: number, limitMs = 60_000): Promise<void> {
    const { api, name } = this.#validator(validator);
    await until(() => isHealthy(api), `${name} is healthy`, limitMs);
  }

  async health(validator: number): Promise<{ readonly status: number; readonly body: Rest.Health }> {
    const response = await fetch(`${this.#validator(validator).api}/health`);
    return { status: response.status, body: (await response.json()) as Rest.Health };
  }

  /** The canonical statement, with all its roots, of one checkpoint on each of these validators: the newest that all of them executed. */
  async checkpointStatements(
    validators: readonly number[],
  ): Promise<{ readonly index: number; readonly statements: string[] }> {
    const clients = validators.map((validator) => this.client(validator));
    const latest = await Promise.all(clients.map(async (client) => (await client.status()).lastCheckpoint));
    const index = Math.min(...latest);
    const checkpoints = await Promise.all(clients.map((client) => client.checkpoint(index)));
    return { index, statements: checkpoints.map(({ statement }) => statement) };
  }

  /** Bytes of memory that only this process has. */
  anonymousBytes(validator: number): number {
    const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#pidOf(validator)}/status`, 'utf8'));
    return Number(line?.[1]) * 1024;
  }

  /** SIGINT to the top-level process must end everything it started. Answers the processes that are left. */
  async stop(): Promise<number[]> {
    this.#send.close();
    await Promise.all(this.#restarted.map((child) => endChild(child, 'SIGTERM')));
    await endChild(this.#launcher, 'SIGINT');
    const left = this.file.validators.map(({ pid }) => pid).filter(isAlive);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    rmSync(dirname(this.layout.baseDir), { recursive: true, force: true });
    return left;
  }

  async #openKey(account: number): Promise<SecretBytes> {
    const { keyFile, passphraseFile } = this.#account(account);
    const passphrase = new SecretBytes(utf8(readFileSync(passphraseFile, 'utf8').trim()));
    return (await openKeystore(new Uint8Array(readFileSync(keyFile)), passphrase)).seed;
  }

  #move(validator: number, changed: Partial<DevnetFile['validators'][number]>): void {
    const validators = this.file.validators.with(validator, { ...this.#validator(validator), ...changed });
    this.file = { ...this.file, validators };
  }

  #pidOf(validator: number): number {
    return this.#restarted[validator]?.pid ?? this.#validator(validator).pid;
  }

  #validator(index: number): DevnetFile['validators'][number] {
    const found = this.file.validators[index];
    assert.ok(found !== undefined, `validator ${index}`);
    return found;
  }

  #account(index: number): DevnetFile['accounts'][number] {
    const found = this.file.accounts[index];
    assert.ok(found !== undefined, `account ${index}`);
    return found;
  }
}

/** One object a line; what a runtime may have printed in between is passed over. */
export function parseLog(bytes: Buffer): LogLine[] {
  // The last line may still be under way.
  const lines = bytes.toString('utf8').split('\n').slice(0, -1);
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
}

/** Looks again every few milliseconds until the condition holds; fails with `what` after the limit. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 30_000,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await delay(POLL_MS);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH: there is no such process
  }
}

async function isHealthy(api: string): Promise<boolean> {
  try {
    return (await fetch(`${api}/health`, { signal: AbortSignal.timeout(2_000) })).status === 200;
  } catch {
    return false; // not listening yet
  }
}

async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  const fuse = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await exit;
  clearTimeout(fuse);
}

/** Below the range that the system hands out to outgoing connections. */
async function freeOffset(validators: number): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const offset = 100 + Math.floor(Math.random() * 1_500);
    const ports = Array.from({ length: validators }, (_, index) => Object.values(devnetPorts(index, offset))).flat();
    const free = await Promise.all(ports.map((port) => isPortFree(HOST, port)));
    if (free.every((flag) => flag)) return offset;
  }
  throw new Error('no free ports found');
}
