import { readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LinkKeySeen } from '../network/index.ts';
import { isHex } from '../util/bytes.ts';
import { errorText } from '../util/errors.ts';
import { isObject } from '../util/is-object.ts';
import type { Logger } from '../util/logger.ts';
import { NodeError } from './errors.ts';

const FILE = 'link-keys.json';
const ID_BYTES = 32;

/**
 * The highest sequence of a link key seen of each member, kept in the data folder: a link key that was stolen and replaced stays worthless
 * after a restart.
 */
export class LinkKeySequences {
  readonly sequences: Map<string, number>;
  readonly #path: string;
  readonly #logger: Logger;
  #writing: Promise<void> = Promise.resolve();

  /** @throws NodeError LINK_KEYS_DAMAGED */
  constructor(dataDir: string, logger: Logger) {
    this.#path = join(dataDir, FILE);
    this.#logger = logger;
    this.sequences = read(this.#path);
  }

  readonly seen: LinkKeySeen = (validatorId, sequence) => {
    this.sequences.set(validatorId, sequence);
    this.#logger.info('newer link key of a member', { validatorId, sequence });
    this.#writing = this.#writing.then(() => this.#write());
  };

  /** Resolves when everything seen is on disk, or was reported. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  /** A failure is reported and not fatal: what is lost is the memory of one rotation until the member shows its key again. */
  async #write(): Promise<void> {
    const unfinished = `${this.#path}.unfinished`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      const handle = await open(unfinished, 'w');
      try {
        await handle.writeFile(`${JSON.stringify(Object.fromEntries(this.sequences), null, 2)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(unfinished, this.#path);
    } catch (error) {
      this.#logger.error('link key sequences not written', { path: this.#path, error: errorText(error) });
    }
  }
}

function read(path: string): Map<string, number> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    value = undefined;
  }
  const entries = isObject(value) ? Object.entries(value) : [];
  const isValid = entries.every(([key, sequence]) => isHex(key, ID_BYTES) && Number.isSafeInteger(sequence));
  if (isObject(value) && isValid) return new Map(entries as [string, number][]);
  const message = `${path} is damaged: delete it to forget which link keys were replaced, after asking the operators`;
  throw new NodeError('LINK_KEYS_DAMAGED', message, { path });
}
