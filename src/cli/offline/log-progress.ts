import type { BlockLog } from '../../storage/index.ts';
import type { Terminal } from '../terminal.ts';

/** How far one pass over the records of a log is. */
export class LogProgress {
  readonly #terminal: Terminal;
  readonly #label: string;
  readonly #last: number;
  #first: number | undefined;

  constructor(terminal: Terminal, label: string, log: BlockLog) {
    this.#terminal = terminal;
    this.#label = label;
    this.#last = log.lastSequence;
  }

  at(sequence: number): void {
    this.#first ??= sequence;
    const share = (sequence - this.#first) / Math.max(1, this.#last - this.#first);
    this.#terminal.progress(`${this.#label}: ${Math.floor(100 * share)} %, record ${sequence} of ${this.#last}`);
  }
}
