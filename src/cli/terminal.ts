import { styleText } from 'node:util';
import { CodedError, errorText } from '../util/errors.ts';

/** Fast enough to look alive, slow enough to read. */
const PROGRESS_INTERVAL_MS = 200;
const CLEAR_LINE = '\r\x1b[2K';

export type JsonValue =
  | string
  | number
  | boolean
  | bigint
  | null
  | undefined
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * Where a command writes: its result to standard output, everything else to standard error, so that a result can be piped. Colour appears
 * on a terminal only, and not with NO_COLOR.
 */
export interface Terminal {
  /** The one result: `lines` for people, or with `--json` the value as one JSON document. */
  result(value: JsonValue, lines: readonly string[]): void;
  /** What a person may want to know beside the result. */
  note(line: string): void;
  /** How far long work is: one line that the next takes the place of, on a terminal only. */
  progress(line: string): void;
  warn(line: string): void;
  error(error: unknown): void;
}

export function createTerminal(options: { readonly json: boolean }): Terminal {
  let shownMs: number | undefined;
  const clear = (): void => {
    if (shownMs !== undefined) process.stderr.write(CLEAR_LINE);
    shownMs = undefined;
  };
  return {
    result(value, lines) {
      clear();
      const text = options.json ? JSON.stringify(value, bigintsAsText, 2) : lines.join('\n');
      if (text !== '') process.stdout.write(`${text}\n`);
    },
    progress(line) {
      const nowMs = performance.now();
      if (!process.stderr.isTTY || nowMs - (shownMs ?? 0) < PROGRESS_INTERVAL_MS) return;
      process.stderr.write(`${CLEAR_LINE}${line}`);
      shownMs = nowMs;
    },
    note(line) {
      clear();
      process.stderr.write(`${line}\n`);
    },
    warn(line) {
      clear();
      process.stderr.write(`${paint('yellow', 'warning:')} ${line}\n`);
    },
    error(error) {
      clear();
      if (options.json) process.stderr.write(`${JSON.stringify({ error: errorValue(error) }, bigintsAsText)}\n`);
      else process.stderr.write(`${paint('red', 'error:')} ${errorText(error)}\n`);
    },
  };
}

/** Rows of two columns, the first as wide as its longest cell. */
export function columns(rows: readonly (readonly [string, JsonValue])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${String(value)}`);
}

function paint(colour: 'red' | 'yellow', text: string): string {
  return styleText(colour, text, { stream: process.stderr });
}

function errorValue(error: unknown): JsonValue {
  if (error instanceof CodedError) {
    return { code: error.code, message: error.detail, fields: error.fields };
  }
  return { code: 'FAILED', message: errorText(error), fields: {} };
}

/** As in the public API: u64 are decimal strings. */
function bigintsAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
