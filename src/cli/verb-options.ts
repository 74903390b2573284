import { type Command, Option } from 'commander';
import type { Terminal } from './terminal.ts';

/** Runs a verb with the terminal of this process; its number is the exit status. */
export type Call = (verb: (terminal: Terminal) => Promise<number | undefined>) => Promise<void>;

export function withJson(command: Command): Command {
  return command.option('--json', 'result as one JSON document on standard output, errors as JSON on standard error');
}

export function withClient(command: Command): Command {
  return withJson(command)
    .addOption(
      repeatable(
        '--url <url>',
        'API of a validator (default http://127.0.0.1:8181); repeatable, each is tried in turn',
      ),
    )
    .option('--network-id <id>', 'refuse every other network');
}

export function passphraseOption(): Option {
  return new Option(
    '--passphrase-file <file>',
    'file with the passphrase (mode 0600); asked for at a terminal if not given',
  );
}

/** Once a value: unlike commander's variadic options it leaves the arguments behind it alone. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string, values: readonly string[] = []) => [
    ...values,
    value,
  ]);
}
