import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { arch, availableParallelism, freemem, platform, release, totalmem, uptime } from 'node:os';
import { join } from 'node:path';
import type { NodeConfig } from '../../node/config.ts';
import { errorText } from '../../util/errors.ts';
import { type ClientFlags, requireUrls } from '../client.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import { CliError } from '../errors.ts';
import { createSecretFile, exists } from '../files.ts';
import { StopRequest } from '../stop-request.ts';
import type { Terminal } from '../terminal.ts';
import { explain } from '../why/explanation.ts';
import { observe } from '../why/observation.ts';
import { explainedSettings } from './config.ts';
import { allChecks } from './doctor.ts';
import { versions } from './version.ts';

const LOG_TAIL_BYTES = 1024 * 1024;
const ANSWER_LIMIT_MS = 5_000;
/** Names in one folder of a validator; a damaged one may hold anything. */
const MAX_LISTED = 10_000;

export interface DebugOptions extends ClientFlags {
  readonly out?: string;
  readonly log?: string;
}

/** One file of the bundle; what cannot be had says so in its place. */
interface Part {
  readonly file: string;
  content(): Promise<unknown>;
}

/**
 * `av10 debug`: a folder with what somebody who helps asks for first. Settings name files of secrets and hold none; keys are listed by name and
 * size only. The folder appears whole or not at all.
 * @throws CliError FILE_EXISTS, INTERRUPTED
 */
export async function runDebug(flags: ConfigFlags, options: DebugOptions, terminal: Terminal): Promise<undefined> {
  const { out = `av10-debug-${fileTime(new Date())}` } = options;
  if (await exists(out)) throw new CliError('FILE_EXISTS', `${out} is there already: name another`, { path: out });
  const unfinished = `${out}.unfinished-${process.pid}`;
  const stopRequest = new StopRequest();
  const files: string[] = [];
  try {
    for (const { file, content } of parts(flags, options)) {
      if (stopRequest.isReceived) throw new CliError('INTERRUPTED', 'interrupted: nothing was written');
      terminal.progress(`${file} …`);
      await createSecretFile(join(unfinished, file), text(await content().catch(unavailable)));
      files.push(file);
    }
    await rename(unfinished, out);
  } finally {
    stopRequest.dispose();
    await rm(unfinished, { recursive: true, force: true });
  }
  terminal.result({ folder: out, files }, [`written: ${files.join(', ')} in ${out}`]);
  terminal.note('look through it before you hand it on: it names hosts, paths and validators');
}

function parts(flags: ConfigFlags, { url, networkId, log }: DebugOptions): Part[] {
  const settings = async (): Promise<NodeConfig> => (await readConfig(flags)).config;
  const urls = async (): Promise<readonly string[]> => requireUrls(url ?? [apiUrl(await settings())]);
  return [
    { file: 'versions.json', content: async () => ({ ...versions(), ...machine() }) },
    { file: 'settings.json', content: async () => explainedSettings(await readConfig(flags)) },
    { file: 'checks.json', content: () => allChecks(flags, []) },
    { file: 'files.json', content: async () => filesOf(await settings()) },
    {
      file: 'why.json',
      content: async () => explain(await observe(await urls()), networkId, Date.now()),
    },
    { file: 'status.json', content: async () => observe(await urls()) },
    {
      file: 'metrics.txt',
      content: async () => fetched(`${loopback('http', (await settings()).metricsListen)}/metrics`),
    },
    ...(log === undefined ? [] : [{ file: 'log.jsonl', content: () => tail(log) }]),
  ];
}

function machine() {
  const memory = { totalBytes: totalmem(), freeBytes: freemem() };
  return {
    time: new Date().toISOString(),
    platform: platform(),
    release: release(),
    arch: arch(),
    cores: availableParallelism(),
    uptimeSeconds: Math.floor(uptime()),
    memory,
  };
}

/** Names, sizes and modes; no content. */
async function filesOf({ dataDir, guardDir, keysDir }: NodeConfig) {
  const folders = { data: dataDir, guard: guardDir, keys: keysDir };
  const listed = Object.entries(folders).map(
    async ([name, folder]) => [name, await entriesOf(folder).catch(unavailable)] as const,
  );
  return Object.fromEntries(await Promise.all(listed));
}

async function entriesOf(folder: string) {
  const names = (await readdir(folder, { recursive: true })).sort().slice(0, MAX_LISTED);
  return Promise.all(
    names.map(async (name) => {
      const { size, mode, mtime } = await stat(join(folder, name));
      return { name, bytes: size, mode: (mode & 0o777).toString(8), changed: mtime.toISOString() };
    }),
  );
}

async function fetched(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  return response.text();
}

/** Whole lines only. */
async function tail(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - LOG_TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const content = buffer.toString('utf8', 0, bytesRead);
    return from === 0 ? content : content.slice(content.indexOf('\n') + 1);
  } finally {
    await handle.close();
  }
}

function apiUrl({ apiListen, tlsCert }: NodeConfig): string {
  return loopback(tlsCert === '' ? 'http' : 'https', apiListen);
}

/** The address under which this machine reaches its own listener. */
function loopback(scheme: 'http' | 'https', listen: string): string {
  return `${scheme}://${listen.replace(/^(0\.0\.0\.0|\[::\]):/, '127.0.0.1:')}`;
}

function unavailable(error: unknown): { readonly unavailable: string } {
  return { unavailable: errorText(error) };
}

function text(content: unknown): string {
  return typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
}

function fileTime(time: Date): string {
  return time.toISOString().slice(0, 19).replaceAll(':', '-');
}
