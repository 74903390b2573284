import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/devnet.ts';

const PROGRAM = 'secantusd-py';
const HOST = '127.0.0.1';
const START_LIMIT_MS = 30_000;

/** A MongoDB-wire server in a process of its own, with its data on disk: it can be killed and started again. docs/archive.md says what it is not. */
export class MongoServer {
  readonly port: number;
  /** As `--archive-uri-file` takes it. */
  readonly uriFile: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  /** What is missing, if it cannot run here. */
  static missing(): string | undefined {
    const { status } = spawnSync(PROGRAM, ['--help'], { stdio: 'ignore' });
    return status === 0 ? undefined : `no ${PROGRAM}: pip install secantusdb`;
  }

  /** Not started yet: its port answers nobody. */
  static async prepare(): Promise<MongoServer> {
    const folder = mkdtempSync(join(tmpdir(), 'av10-mongo-'));
    return new MongoServer(folder, await freePort());
  }

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
    this.uriFile = join(folder, 'uri');
    // Private, as a node wants it: a connection string may hold a password.
    writeFileSync(this.uriFile, `${this.uri}\n`, { mode: 0o600 });
  }

  get uri(): string {
    return `mongodb://${HOST}:${this.port}/?directConnection=true`;
  }

  async start(): Promise<void> {
    // Without a sync for each document, which is no measure of a server that syncs its journal once for many writers.
    const storage = ['--storage-path', join(this.#folder, 'data'), '--log-level', 'ERROR'];
    const child = spawn(PROGRAM, ['--host', HOST, '--port', String(this.port), ...storage], { stdio: 'ignore' });
    this.#process = child;
    await until(() => child.exitCode !== null || answers(this.port), 'the MongoDB server answers', START_LIMIT_MS);
    if (child.exitCode !== null) throw new Error(`${PROGRAM} ended with ${child.exitCode}`);
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a port expected');
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
