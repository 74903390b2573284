import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { link, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { CliError } from './errors.ts';
import { exists } from './files.ts';

/** A writer of one JSON document a line. */
export type WriteLine = (value: unknown) => Promise<void>;

/**
 * Hands a writer to `use`: to standard output, or to a file that appears when all of it is written.
 * @throws CliError FILE_EXISTS
 */
export async function writeJsonLines(out: string | undefined, use: (write: WriteLine) => Promise<void>): Promise<void> {
  if (out === undefined) {
    await use((value) => writeTo(process.stdout, value));
    return;
  }
  const refusal = new CliError('FILE_EXISTS', `${out} is there already: move it away or name another`, { path: out });
  if (await exists(out)) throw refusal;
  const unfinished = `${out}.unfinished-${process.pid}`;
  const stream = createWriteStream(unfinished, { flags: 'wx', flush: true });
  const written = finished(stream);
  // Whoever writes meets the error first.
  written.catch(() => undefined);
  try {
    await use((value) => writeTo(stream, value));
    stream.end();
    await written;
    // Unlike rename, a link never takes the place of a file that appeared meanwhile.
    await link(unfinished, out).catch((cause: NodeJS.ErrnoException) => {
      throw cause.code === 'EEXIST' ? refusal : cause;
    });
  } finally {
    stream.destroy();
    await rm(unfinished, { force: true });
  }
}

async function writeTo(stream: Writable, value: unknown): Promise<void> {
  if (!stream.write(`${JSON.stringify(value)}\n`)) await once(stream, 'drain');
}
