import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nativeBackend } from '../../src/crypto/native.ts';
import { NodeDisk } from '../../src/storage/node-disk.ts';
import { verifyLog } from '../../src/storage/verify-log.ts';
import { decodeSignedHeader } from '../../src/types/block-codec.ts';
import type { BlockId, Round } from '../../src/types/ids.ts';
import type * as Rest from '../../src/types/rest.ts';
import { type DevnetFile, isAlive, type LogLine, parseLog, type TestDevnet, until } from './devnet.ts';

const ENTRY = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
/** Two holds, a start on a busy machine, and dials that wait for each other. */
const OUTCOME_LIMIT_MS = 120_000;
const FOLDER = 'clone';

/** What of a validator's folder somebody took; with the keys alone it starts as one that lost the rest. */
export type Copied = 'everything' | 'keys';
export type Rival = 'original' | 'clone';

/** How two processes with one identity came out. */
export interface Outcome {
  /** Makes blocks. */
  readonly speaker: Rival;
  /** Of the other: its exit status, and what it said last about that. */
  readonly status: number | null;
  readonly error: string;
  /** Blocks that the other signed after the copy was taken, and those of them that reached another validator. */
  readonly signed: number;
  readonly sent: number;
  /** Blocks of the speaker for rounds up to the last one that the other sent a block for: they spoke one after the other if there is none. */
  readonly overlap: number;
}

interface Block {
  readonly round: Round;
  readonly id: BlockId;
}

const RIVALS: readonly Rival[] = ['original', 'clone'];

/** One validator of a devnet, and a second process with what was copied of it, on ports of its own. Neither runs at first. */
export class Rivals {
  readonly #devnet: TestDevnet;
  readonly #validator: number;
  readonly #copied: Copied;
  readonly #folder: string;
  readonly #processes = new Map<Rival, ChildProcess>();
  #heldSinceMs = 0;
  /** Own blocks of the validator when it was copied. */
  #before: ReadonlySet<BlockId> = new Set();

  /** Stops the validator and copies it. */
  static async ofStopped(devnet: TestDevnet, validator: number, copied: Copied): Promise<Rivals> {
    await stop(devnet, validator);
    const rivals = new Rivals(devnet, validator, copied);
    await rivals.#copy();
    return rivals;
  }

  /** Starts the validator anew, waits until it makes blocks, and copies it while SIGSTOP holds it. */
  static async ofHeld(devnet: TestDevnet, validator: number, copied: Copied): Promise<Rivals> {
    await stop(devnet, validator);
    const rivals = new Rivals(devnet, validator, copied);
    rivals.start('original');
    await rivals.untilSpeaks('original');
    rivals.hold();
    await rivals.#copy();
    return rivals;
  }

  private constructor(devnet: TestDevnet, validator: number, copied: Copied) {
    this.#devnet = devnet;
    this.#validator = validator;
    this.#copied = copied;
    this.#folder = join(devnet.layout.baseDir, FOLDER);
  }

  start(rival: Rival): void {
    const child = rival === 'original' ? this.#devnet.restart(this.#validator) : this.#startClone();
    this.#processes.set(rival, child);
  }

  /** SIGSTOP to the original. */
  hold(): void {
    this.#process('original').kill('SIGSTOP');
    this.#heldSinceMs = performance.now();
  }

  /** SIGCONT to the original, so long after it was held, or now if that is over. */
  async wake(afterMs = 0): Promise<void> {
    await delay(Math.max(0, this.#heldSinceMs + afterMs - performance.now()));
    this.#process('original').kill('SIGCONT');
  }

  /** It has read its log and speaks to its peers. */
  untilStarted(rival: Rival): Promise<void> {
    return until(() => this.#api(rival) !== undefined, `the ${rival} has started`, OUTCOME_LIMIT_MS);
  }

  /** One has ended by itself and the other makes blocks. */
  async outcome(): Promise<Outcome> {
    const ended = (): Rival | undefined => RIVALS.find((rival) => this.#process(rival).exitCode !== null);
    try {
      await until(() => ended() !== undefined, 'one of two processes with one identity ends', OUTCOME_LIMIT_MS);
    } catch (cause) {
      const [original, clone] = await Promise.all(RIVALS.map((rival) => this.#signed(rival)));
      const signed = `the original signed ${original?.length} blocks, the clone ${clone?.length}`;
      throw new Error(`${signed}, and both go on; two blocks for rounds ${await this.twins()}`, { cause });
    }
    const loser = ended() as Rival;
    const speaker = loser === 'clone' ? 'original' : 'clone';
    await this.untilSpeaks(speaker);
    const signed = await this.#signed(loser);
    const held = new Set((await this.#heldByOthers()).map(({ id }) => id));
    const sent = signed.filter(({ id }) => held.has(id));
    const last = Math.max(-1, ...sent.map(({ round }) => round));
    return {
      speaker,
      status: this.#process(loser).exitCode,
      error: String(this.#logLines(loser).findLast(({ msg }) => msg === 'halted')?.error),
      signed: signed.length,
      sent: sent.length,
      overlap: (await this.#signed(speaker)).filter(({ round }) => round <= last).length,
    };
  }

  async untilSpeaks(rival: Rival): Promise<void> {
    let before: number | undefined;
    const speaks = async (): Promise<boolean> => {
      const api = this.#api(rival);
      if (api === undefined) return false;
      const ready = await ask<Rest.Readiness>(`${api}/ready`);
      const status = await ask<Rest.Status>(`${api}/v1/status`);
      // While an identity is being recovered, own blocks come from others.
      if (status === undefined || !ready?.ableToSign.ok) return false;
      const { lastProposedRound } = status;
      before ??= lastProposedRound;
      return lastProposedRound > before;
    };
    await until(speaks, `the ${rival} makes blocks`, OUTCOME_LIMIT_MS);
  }

  /** Rounds for which the other validators hold two blocks of this one. */
  async twins(): Promise<Round[]> {
    const known = new Map<Round, BlockId>();
    const twice = new Set<Round>();
    for (const { round, id } of await this.#heldByOthers()) {
      if ((known.get(round) ?? id) !== id) twice.add(round);
      known.set(round, id);
    }
    return [...twice];
  }

  /** What no log may say, but that the validator itself gave way. */
  alarms(): string[] {
    const { name } = this.#member;
    return this.#devnet.alarms().filter((line) => !line.startsWith(name) || !line.includes('"msg":"halted"'));
  }

  /** Ends the clone and leaves the validator running alone, with the newest data and guard, as an operator does who found out. */
  async end({ speaker }: Outcome): Promise<void> {
    await endProcess(this.#process('clone'));
    if (speaker === 'clone') {
      const { data, guard } = this.#devnet.layout.validator(this.#validator);
      for (const [newest, place] of [
        [this.#in('data'), data],
        [this.#in('guard'), guard],
      ] as const) {
        rmSync(place, { recursive: true });
        cpSync(newest, place, { recursive: true });
      }
      this.#devnet.restart(this.#validator);
    }
    await this.#devnet.untilHealthy(this.#validator);
    await this.#devnet.untilProposes(this.#validator);
  }

  /** Leaves nothing running or held that the devnet does not end, whatever a test came to. */
  async abandon(): Promise<void> {
    this.#processes.get('original')?.kill('SIGCONT');
    const clone = this.#processes.get('clone');
    if (clone !== undefined) await endProcess(clone);
  }

  async #copy(): Promise<void> {
    const { folder, keys, guard, config } = this.#devnet.layout.validator(this.#validator);
    rmSync(this.#folder, { recursive: true, force: true });
    if (this.#copied === 'everything') {
      cpSync(folder, this.#folder, { recursive: true });
      cpSync(guard, this.#in('guard'), { recursive: true });
    } else {
      mkdirSync(this.#folder);
      cpSync(keys, this.#in('keys'), { recursive: true });
    }
    const own = {
      ...{ dataDir: this.#in('data'), keysDir: this.#in('keys'), guardDir: this.#in('guard') },
      ...{ p2pListen: '127.0.0.1:0', apiListen: '127.0.0.1:0', metricsListen: '127.0.0.1:0' },
    };
    writeFileSync(this.#in('node.json'), JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), ...own }));
    const before = await this.#blocks(this.#data(this.#validator), 'own-block');
    this.#before = new Set(before.map(({ id }) => id));
  }

  #startClone(): ChildProcess {
    const flags = this.#copied === 'keys' ? ['--recover-identity'] : [];
    const log = openSync(this.#in('clone.log'), 'a');
    const args = [ENTRY, 'start', '--config', this.#in('node.json'), ...flags];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    return child;
  }

  /** What it signed after the copy was taken, sent or not. */
  async #signed(rival: Rival): Promise<Block[]> {
    const data = rival === 'clone' ? this.#in('data') : this.#data(this.#validator);
    return (await this.#blocks(data, 'own-block')).filter(({ id }) => !this.#before.has(id));
  }

  async #heldByOthers(): Promise<Block[]> {
    const others = this.#devnet.file.validators.map((_, index) => index).filter((index) => index !== this.#validator);
    return (await Promise.all(others.map((other) => this.#blocks(this.#data(other), 'admitted-block')))).flat();
  }

  /** Blocks of the validator in a log, as it lies there, also beside the process that writes it. */
  async #blocks(data: string, type: 'own-block' | 'admitted-block'): Promise<Block[]> {
    const { hasher } = nativeBackend();
    const found: Block[] = [];
    await verifyLog(new NodeDisk('/'), hasher, join(data, 'log').slice(1), (entry) => {
      const { author, round, ref } = decodeSignedHeader(hasher, entry.header, entry.signature);
      if (author === this.#validator && entry.type === type) found.push({ round, id: ref.id });
      return true;
    });
    return found;
  }

  /** The clone's is known when it has started. */
  #api(rival: Rival): string | undefined {
    if (rival === 'original') return this.#member.api;
    return this.#logLines('clone').find(({ msg }) => msg === 'started')?.api as string | undefined;
  }

  #logLines(rival: Rival): LogLine[] {
    return rival === 'original'
      ? this.#devnet.logLines(this.#validator)
      : parseLog(readFileSync(this.#in('clone.log')));
  }

  get #member(): DevnetFile['validators'][number] {
    return this.#devnet.file.validators[this.#validator] ?? assert.fail('a validator of the devnet');
  }

  #process(rival: Rival): ChildProcess {
    return this.#processes.get(rival) ?? assert.fail(`the ${rival} was started`);
  }

  #data(validator: number): string {
    return this.#devnet.layout.validator(validator).data;
  }

  #in(name: string): string {
    return join(this.#folder, name);
  }
}

/** Undefined while nobody listens there. */
async function ask<Answer>(url: string): Promise<Answer | undefined> {
  const response = await fetch(url).catch(() => undefined);
  return response && ((await response.json()) as Answer);
}

/** Cleanly, so that the identity is free. */
async function stop(devnet: TestDevnet, validator: number): Promise<void> {
  const pid = devnet.pid(validator);
  devnet.signal(validator, 'SIGTERM');
  await until(() => !isAlive(pid), `${pid} is gone`);
}

/** By SIGTERM, which gives the identity free; a held one continues for that. */
async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  child.kill('SIGCONT');
  await exit;
}
