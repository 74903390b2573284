import { createInterface } from 'node:readline/promises';
import { CliError } from './errors.ts';

/**
 * Asks for a word before something cannot be taken back. `given`: the operator has agreed by an option.
 * @throws CliError USAGE where there is no terminal to ask at; INTERRUPTED for any other word
 */
export async function confirm(question: string, word: string, given: boolean): Promise<void> {
  if (given) return;
  if (!process.stdin.isTTY)
    throw new CliError('USAGE', 'no terminal to ask at: add --yes if this is meant', { option: '--yes' });
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    if ((await reader.question(`${question}\nType ${word} to go on: `)).trim() === word) return;
  } finally {
    reader.close();
  }
  throw new CliError('INTERRUPTED', 'not confirmed: nothing was changed');
}
