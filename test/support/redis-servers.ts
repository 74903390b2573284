import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

/** Why tests with real servers cannot run here; undefined: they can. */
export const NO_REDIS: string | undefined =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'redis: redis-server is not installed';

/** Besides the port, a node of a cluster listens on a port 10,000 higher. */
const CLUSTER_BUS = 10_000;
const CLUSTER_NODES = 6;
const DEPLOY = join(import.meta.dirname, '..', '..', 'config', 'deploy', 'redis');
const CLUSTER_CONFIG = join(DEPLOY, 'redis.conf');
const FORM_CLUSTER = join(DEPLOY, 'form-cluster.sh');
const START_MS = 10_000;
const FORM_MS = 30_000;

/** One `redis-server` in a folder of its own. */
export class RedisServer {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'av10-redis-'));
  readonly #args: readonly string[];
  readonly #config: readonly string[];
  #process: ChildProcess | undefined;

  constructor(port: number, args: readonly string[] = [], config?: string) {
    this.port = port;
    this.#args = args;
    this.#config = config === undefined ? ['--save', ''] : [config];
  }

  static async start(args: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), args);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const own = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.#folder];
    this.#process = spawn('redis-server', [...this.#config, ...own, ...this.#args], { stdio: 'ignore' });
    await eventually(
      async () => (await ask(this.port, 'PING')).startsWith('+PONG'),
      `redis on ${this.port} answers`,
      START_MS,
    );
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Hangs: connections stay open and nothing is answered. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: 'SIGKILL'): Promise<void> {
    const ending = this.#process;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exit = once(ending, 'exit');
    ending.kill(signal);
    await exit;
  }
}

/** Three masters with a replica each, as `config/deploy/redis` makes them. */
export class RedisCluster {
  readonly servers: readonly RedisServer[];

  static async start(): Promise<RedisCluster> {
    const args = ['--cluster-node-timeout', '1500'];
    const servers: RedisServer[] = [];
    for (let i = 0; i < CLUSTER_NODES; i++)
      servers.push(new RedisServer(await freePort(CLUSTER_BUS), args, CLUSTER_CONFIG));
    await Promise.all(servers.map((server) => server.start()));
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
    for (const done of [/All 16384 slots covered/, /is formed/]) {
      const { stdout, stderr } = spawnSync(FORM_CLUSTER, addresses, { encoding: 'utf8' });
      if (!done.test(stdout)) throw new Error(`form-cluster.sh: ${stdout}${stderr}`);
    }
    const cluster = new RedisCluster(servers);
    await cluster.whole();
    return cluster;
  }

  constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  get nodes(): { readonly host: string; readonly port: number }[] {
    return this.servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** All slots are served, and every replica has synced: only then does a failover work. */
  async whole(): Promise<void> {
    await eventually(
      async () => {
        for (const { port } of this.servers) {
          if (!(await ask(port, 'CLUSTER INFO')).includes('cluster_state:ok')) return false;
          const role = await ask(port, 'INFO replication');
          if (role.includes('role:slave') && !role.includes('master_link_status:up')) return false;
        }
        return true;
      },
      'a whole cluster',
      FORM_MS,
    );
  }

  async masters(): Promise<RedisServer[]> {
    const roles = await Promise.all(this.servers.map(({ port }) => ask(port, 'INFO replication')));
    return this.servers.filter((_, i) => roles[i]?.includes('role:master'));
  }

  async remove(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.remove()));
  }
}

/** One command by the inline protocol, and what comes within its first packet; nothing of a server that is not there. */
export async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    const reply = once(socket, 'data');
    socket.write(`${command}\r\n`);
    const [data] = (await reply) as [Buffer];
    return data.toString();
  } catch {
    return '';
  } finally {
    socket.destroy();
  }
}

async function freePort(alsoAbove = 0): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    if (port + alsoAbove <= 65_535) return port;
  }
}
