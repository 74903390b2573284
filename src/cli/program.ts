import { Argument, Command, CommanderError } from 'commander';
import { completionScript, SHELLS, type Shell } from './completion.ts';
import { CliError } from './errors.ts';
import { exitCodeHelp, exitStatusOf } from './exit-codes.ts';
import { createTerminal, type Terminal } from './terminal.ts';
import type { Call } from './verb-options.ts';
import { addArchiveVerbs } from './verbs/archive-verbs.ts';
import { addClientVerbs } from './verbs/client-verbs.ts';
import { addConfigVerbs } from './verbs/config-verbs.ts';
import { addDataVerbs } from './verbs/data-verbs.ts';
import { addGenesisVerbs } from './verbs/genesis-verbs.ts';
import { addKeyVerbs } from './verbs/key-verbs.ts';
import { addOperatorVerbs } from './verbs/operator-verbs.ts';

const USAGE_STATUS = 2;
/** As a shell reports a program that SIGPIPE ended. */
const READER_GONE_STATUS = 141;

/**
 * The command line: parses, calls one verb, and turns whatever it throws into a message and an exit status. A verb is loaded when it is
 * called, so that `av10 version` does not load a node.
 *
 * @param entry the module that `devnet` starts validators with
 */
export async function runCli(args: readonly string[], entry: string): Promise<number> {
  endWithReader();
  const isJson = args.includes('--json');
  const terminal = createTerminal({ json: isJson });
  let status = 0;
  const call = async (verb: (terminal: Terminal) => Promise<number | undefined>): Promise<void> => {
    status = (await verb(terminal)) ?? 0;
  };
  try {
    await buildProgram(call, entry, isJson).parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help is no failure, and for people commander has printed its message already.
      if (error.exitCode === 0) return 0;
      if (isJson) terminal.error(usageError(error));
      return USAGE_STATUS;
    }
    terminal.error(error);
    return exitStatusOf(error);
  }
}

/** `av10 export blocks | head` is no failure to report. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(READER_GONE_STATUS);
    });
  }
}

/** What commander found, in its own words: the option or argument stands in quotation marks. */
function usageError({ message }: CommanderError): CliError {
  const [, option = ''] = /'(-{0,2}[\w-]+)/.exec(message) ?? [];
  return new CliError('USAGE', `${message.replace(/^error: /, '')}; see --help`, { option });
}

/** All verbs with their options. What commander has to say of wrong ones is shown unless the caller says it itself. */
export function buildProgram(call: Call, entry: string, isSilent = false): Command {
  const program = new Command('av10')
    .configureOutput(isSilent ? { writeErr: () => undefined } : {})
    .description('AV10-7 validator: a post-quantum, Byzantine-fault-tolerant ledger node')
    .exitOverride()
    .showHelpAfterError('(av10 --help lists everything)')
    .addHelpText('after', `\n${exitCodeHelp()}`);
  addOperatorVerbs(program, call, entry);
  addKeyVerbs(program, call);
  addGenesisVerbs(program, call);
  addClientVerbs(program, call);
  addConfigVerbs(program, call);
  addDataVerbs(program, call);
  addArchiveVerbs(program, call);
  program
    .command('completion')
    .description('script that completes verbs and options: source <(av10 completion bash)')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) =>
      call(async (terminal) => {
        const script = completionScript(program, shell);
        terminal.result({ script }, [script]);
        return undefined;
      }),
    );
  return program;
}
