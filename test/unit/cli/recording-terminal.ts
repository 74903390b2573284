import type { JsonValue, Terminal } from '../../../src/cli/terminal.ts';

/** Keeps what a command writes. */
export class RecordingTerminal implements Terminal {
  readonly results: { readonly value: JsonValue; readonly lines: readonly string[] }[] = [];
  readonly notes: string[] = [];
  readonly warnings: string[] = [];
  readonly progressed: string[] = [];

  result(value: JsonValue, lines: readonly string[]): void {
    this.results.push({ value, lines });
  }

  progress(line: string): void {
    this.progressed.push(line);
  }

  note(line: string): void {
    this.notes.push(line);
  }

  warn(line: string): void {
    this.warnings.push(line);
  }

  error(error: unknown): void {
    throw error;
  }
}
