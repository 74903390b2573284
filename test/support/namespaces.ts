import { execFileSync } from 'node:child_process';
import type { TestDevnet } from './devnet.ts';

/** Validators get .1 and following; this machine, where the clients are, is .254. Loss and partitions are between the former only. */
const SUBNET = '10.77.0';
const VALIDATORS = `${SUBNET}.0/25`;
const CLIENTS = `${SUBNET}.254`;

/**
 * Each validator of a devnet in a network namespace of its own, on one bridge: packets between them are dropped by the kernel, so that TCP sees
 * loss and silence as on a real network. Needs root, `ip` and `iptables`.
 */
export class Namespaces {
  readonly #devnet: TestDevnet;
  readonly #bridge: string;
  readonly #names: readonly string[];

  /** Starts every validator again in its namespace. */
  static async around(devnet: TestDevnet): Promise<Namespaces> {
    const namespaces = new Namespaces(devnet);
    try {
      namespaces.#make();
      const all = [...devnet.file.validators.keys()];
      for (const validator of all) await devnet.kill(validator);
      for (const validator of all) namespaces.restart(validator);
      await Promise.all(all.map((validator) => devnet.untilHealthy(validator)));
    } catch (error) {
      namespaces.remove();
      throw error;
    }
    return namespaces;
  }

  private constructor(devnet: TestDevnet) {
    this.#devnet = devnet;
    this.#bridge = `av10b${process.pid % 100_000}`;
    this.#names = devnet.file.validators.map((_, index) => `av10-${process.pid}-${index}`);
  }

  restart(validator: number): void {
    const ip = address(validator);
    const peers = this.#devnet.file.validators.map(({ name }, index) => `${name}=${address(index)}:30303`);
    const room = { command: ['ip', 'netns', 'exec', this.#name(validator)], environment: {} };
    this.#devnet.moveApi(validator, `http://${ip}:8080`);
    const listen = ['--p2p-listen', `${ip}:30303`, '--api-listen', `${ip}:8080`, '--metrics-listen', `${ip}:9090`];
    const others = ['--peer-addresses', peers.join(), '--trusted-sources', CLIENTS];
    this.#devnet.restartIn(room, validator, ...listen, ...others);
  }

  /** Each packet between validators is lost with this probability. */
  lose(probability: number): void {
    for (const validator of this.#names.keys())
      this.#drop(validator, VALIDATORS, '-m', 'statistic', '--mode', 'random', '--probability', String(probability));
  }

  /** `hearers` receive nothing of what `speakers` send. */
  deafen(hearers: readonly number[], speakers: readonly number[]): void {
    for (const hearer of hearers) for (const speaker of speakers) this.#drop(hearer, address(speaker));
  }

  /** The cable of one validator carries this much a second. */
  limit(validator: number, megabits: number): void {
    const shape = ['tbf', 'rate', `${megabits}mbit`, 'burst', '32kb', 'latency', '400ms'];
    this.#inside(validator, 'tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...shape);
  }

  /** Packets that the rules of `lose` and `deafen` took since the last `heal`. */
  get dropped(): number {
    let packets = 0;
    for (const name of this.#names) {
      const rules = execFileSync('ip', ['netns', 'exec', name, 'iptables', '-L', 'INPUT', '-v', '-x', '-n'], {
        encoding: 'utf8',
      });
      for (const [, count] of rules.matchAll(/^\s*(\d+)\s+\d+\s+DROP/gm)) packets += Number(count);
    }
    return packets;
  }

  heal(): void {
    for (const validator of this.#names.keys()) {
      this.#inside(validator, 'iptables', '-F', 'INPUT');
      this.#inside(validator, 'tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', 'pfifo');
    }
  }

  /** After the validators have ended. */
  remove(): void {
    for (const name of this.#names) attempt('ip', 'netns', 'delete', name);
    attempt('ip', 'link', 'delete', this.#bridge);
  }

  #make(): void {
    run('ip', 'link', 'add', this.#bridge, 'type', 'bridge');
    run('ip', 'address', 'add', `${CLIENTS}/24`, 'dev', this.#bridge);
    run('ip', 'link', 'set', this.#bridge, 'up');
    for (const [index, name] of this.#names.entries()) {
      const port = `${this.#bridge}v${index}`;
      run('ip', 'netns', 'add', name);
      run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      run('ip', 'link', 'set', port, 'master', this.#bridge, 'up');
      this.#inside(index, 'ip', 'address', 'add', `${address(index)}/24`, 'dev', 'eth0');
      this.#inside(index, 'ip', 'link', 'set', 'eth0', 'up');
      this.#inside(index, 'ip', 'link', 'set', 'lo', 'up');
    }
  }

  #drop(hearer: number, source: string, ...match: readonly string[]): void {
    this.#inside(hearer, 'iptables', '-A', 'INPUT', '-s', source, ...match, '-j', 'DROP');
  }

  #inside(validator: number, ...command: readonly string[]): void {
    run('ip', 'netns', 'exec', this.#name(validator), ...command);
  }

  #name(validator: number): string {
    return this.#names[validator] ?? '';
  }
}

function address(validator: number): string {
  return `${SUBNET}.${validator + 1}`;
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function attempt(program: string, ...args: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
  } catch {
    // was never made, or is gone
  }
}
