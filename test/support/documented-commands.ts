import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const COMMAND_LIMIT_MS = 60_000;
const MARK = 'end-of-what-ran-before';

/** A fenced block of a page: `sh` is run, `text` is what the block before it printed, any other with a path is a file. */
export interface Block {
  readonly language: string;
  /** What stands behind the language: the path of a file, or a terminal. */
  readonly where: string;
  readonly text: string;
}

export function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', where = '', content = '']) => ({
      language,
      where,
      text: content,
    }),
  );
}

/** The commands of a block, without their comments; one that goes on in the next line is one. */
export function commandsOf({ text }: Block): readonly string[] {
  return text
    .replaceAll(/ *\\\n */g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^| +)# .*$/, '').trim())
    .filter((line) => line !== '');
}

/** What differs between two runs: ids, times, and counts of a network that moves on. */
export function shape(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{64}\b/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\b\d+(\.\d+)? (ms|s)\b/g, '<duration>')
    .replaceAll(/\bcommit(\s+)\d+/g, 'commit$1<n>')
    .replaceAll(/ +/g, ' ')
    .trim();
}

/** A terminal: abbreviations and variables that were defined in it hold for what it runs afterwards. */
export class DocumentedShell {
  readonly #definitions: string[] = [];
  readonly #cwd: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(cwd: string, env: Readonly<Record<string, string>> = {}) {
    this.#cwd = cwd;
    this.#env = env;
  }

  /** What it prints on standard output. Fails with all that was printed if a command of it does. */
  run(text: string): Promise<string> {
    const script = ['set -euo pipefail', ...this.#definitions, `echo ${MARK}`, text].join('\n');
    this.#definitions.push(...text.split('\n').filter((line) => /^(\w+\(\)|[A-Z_]+=)/.test(line)));
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const env = { ...process.env, ...this.#env };
    const options = { cwd: this.#cwd, env, timeout: COMMAND_LIMIT_MS, encoding: 'utf8' } as const;
    execFile('bash', ['-c', script], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.slice(stdout.indexOf(MARK) + MARK.length + 1));
      else reject(new Error(`${text}\n${stdout}\n${stderr}`, { cause: error }));
    });
    return promise;
  }
}
