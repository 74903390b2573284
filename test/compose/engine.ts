import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/devnet.ts';

const START_LIMIT_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const DEFAULT_BRIDGE = 'docker0';
/** The build of an image compiles the Rust core; nothing else takes long. */
const COMMAND_LIMIT_MS = 30 * 60_000;

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Docker Engine with its compose plugin: the one that answers here or, where none does, one of its own that ends with `close`. */
export class Engine {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #stop: () => Promise<void>;

  /** @throws Error listing what this machine lacks */
  static async open(): Promise<Engine> {
    const missing: string[] = [];
    if (!succeeds('docker', '--version')) missing.push('the Docker client (Debian: apt-get install docker.io)');
    else if (!succeeds('docker', 'compose', 'version'))
      missing.push('the compose plugin, 2.20 or newer (https://docs.docker.com/compose/install/linux/)');
    const answers = succeeds('docker', 'version');
    if (
      !answers &&
      (process.getuid?.() !== 0 || !succeeds('dockerd', '--version') || !succeeds('iptables', '--version'))
    )
      missing.push(
        'a Docker Engine: start its service, or, to have one started for the test, be root with dockerd and iptables (Debian: apt-get install docker.io iptables)',
      );
    if (missing.length > 0)
      throw new Error(['this machine lacks:', ...missing.map((line) => `  - ${line}`)].join('\n'));
    return answers ? new Engine({}, async () => undefined) : startOwn();
  }

  constructor(environment: Readonly<Record<string, string>>, stop: () => Promise<void>) {
    this.#environment = environment;
    this.#stop = stop;
  }

  /** Runs `docker` and answers its standard output. @throws Error with its standard error */
  async docker(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const { status, stdout, stderr } = await this.attempt(args, environment);
    if (status === 0) return stdout;
    throw new Error(`docker ${args.join(' ')}: status ${status}\n${stdout}${stderr}`);
  }

  /** As `docker`, for a command that may fail. */
  async attempt(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Finished> {
    const child = this.start(args, environment);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
        if (output[name].length < MAX_OUTPUT_BYTES) output[name] += chunk;
      });
    }
    const fuse = setTimeout(() => child.kill('SIGKILL'), COMMAND_LIMIT_MS);
    const [status] = (await once(child, 'close')) as [number | null];
    clearTimeout(fuse);
    return { status: status ?? -1, ...output };
  }

  start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): ChildProcess {
    const env = { ...process.env, ...this.#environment, ...environment };
    return spawn('docker', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  close(): Promise<void> {
    return this.#stop();
  }
}

async function startOwn(): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'av10-engine-'));
  const socket = `unix://${join(folder, 'socket')}`;
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'a');
  const hadBridge = existsSync(`/sys/class/net/${DEFAULT_BRIDGE}`);
  const roots = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')];
  const args = [...roots, '--pidfile', join(folder, 'pid'), '--host', socket];
  const daemon = spawn('dockerd', args, { stdio: ['ignore', log, log] });
  closeSync(log);
  const stop = async (): Promise<void> => {
    if (daemon.exitCode === null && daemon.signalCode === null) {
      const exit = once(daemon, 'exit');
      daemon.kill('SIGTERM');
      await exit;
    }
    if (!hadBridge) spawnSync('ip', ['link', 'delete', DEFAULT_BRIDGE]);
    rmSync(folder, { recursive: true, force: true });
  };
  const engine = new Engine({ DOCKER_HOST: socket }, stop);
  try {
    const isUp = async (): Promise<boolean> =>
      daemon.exitCode !== null || (await engine.attempt(['version'])).status === 0;
    await until(isUp, 'the Docker Engine answers', START_LIMIT_MS);
    if (daemon.exitCode !== null) throw new Error(`dockerd ended: ${readFileSync(logFile, 'utf8').slice(-2_000)}`);
    return engine;
  } catch (error) {
    await stop();
    throw error;
  }
}

function succeeds(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
