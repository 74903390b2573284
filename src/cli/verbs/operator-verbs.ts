import type { Command } from 'commander';
import { addConfigOptions } from '../config-options.ts';
import { type Call, repeatable, withJson } from '../verb-options.ts';

export function addOperatorVerbs(program: Command, call: Call, entry: string): void {
  addConfigOptions(
    withJson(program.command('init')).description(
      'make data folder, block log and sign guard of a validator that never ran',
    ),
  ).action((options) => call(async (terminal) => (await import('../commands/init.ts')).runInit(options, terminal)));
  addConfigOptions(
    withJson(program.command('start')).description(
      'run a validator until SIGTERM or SIGINT; a second signal ends it on the spot',
    ),
  )
    .option(
      '--recover-identity',
      'this validator ran before and lost its log or its sign guard: ask the others what it signed',
    )
    .action(({ recoverIdentity, ...options }) =>
      call(async () => (await import('../commands/start.ts')).runStart(options, recoverIdentity === true)),
    );
  withJson(program.command('devnet'))
    .description('run a network of separate validator processes on this machine, with funded accounts')
    .option('--validators <number>', 'validators of a new network (default 4; three tolerate no fault)')
    .option('--accounts <number>', 'funded accounts of a new network (default 4)')
    .option('--fresh', 'delete the network in the folder and make a new one')
    .option('--base-dir <path>', 'folder of the network', '.devnet')
    .option('--port-offset <number>', 'added to every port')
    .action((options) =>
      call(async (terminal) => (await import('../commands/devnet.ts')).runDevnet(options, entry, terminal)),
    );
  addConfigOptions(
    withJson(program.command('doctor')).description(
      'check this machine, the files of a validator and its peers, and say what to mend',
    ),
  )
    .addOption(repeatable('--url <url>', 'APIs of other validators, to compare clocks with'))
    .action(({ url = [], ...flags }) =>
      call(async (terminal) => (await import('../commands/doctor.ts')).runDoctor(flags, url, terminal)),
    );
  withJson(program.command('version'))
    .description('versions of program, runtime and protocol')
    .action(() => call(async (terminal) => (await import('../commands/version.ts')).runVersion(terminal)));
}
