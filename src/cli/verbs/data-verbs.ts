import type { Command } from 'commander';
import { addConfigOptions } from '../config-options.ts';
import { type Call, withClient, withJson } from '../verb-options.ts';

/** Verbs about the files of a validator; most of them want it stopped. */
export function addDataVerbs(program: Command, call: Call): void {
  addConfigOptions(withJson(program.command('inspect')).description('what a stopped validator has on disk; reads only'))
    .option('--commit <index>', 'show this commit and its transactions instead')
    .action(({ commit, ...flags }) =>
      call(async (terminal) => (await import('../commands/inspect.ts')).runInspect(flags, { commit }, terminal)),
    );
  addConfigOptions(
    withJson(program.command('verify')).description(
      'replay the log of a stopped validator: every hash, signature and state root again; reads only',
    ),
  ).action((options) => call(async (terminal) => (await import('../commands/verify.ts')).runVerify(options, terminal)));
  addExport(program, call);
  addConfigOptions(
    withJson(program.command('reset')).description(
      'delete the chain state of a stopped validator, which comes back from its peers; the sign guard stays',
    ),
  )
    .option('--yes', 'do not ask')
    .action(({ yes, ...flags }) =>
      call(async (terminal) => (await import('../commands/reset.ts')).runReset(flags, yes === true, terminal)),
    );
  addConfigOptions(
    withClient(program.command('debug')).description(
      'a folder for whoever is asked for help: settings, versions, checks, state, metrics and last log lines; no secrets',
    ),
  )
    .option('--out <folder>', 'folder to make (default av10-debug-<time>)')
    .option('--log <file>', 'log of the validator, whose last lines are added')
    .action(({ out, log, url, networkId, ...flags }) => {
      const options = { out, log, url, networkId };
      return call(async (terminal) => (await import('../commands/debug.ts')).runDebug(flags, options, terminal));
    });
}

function addExport(program: Command, call: Call): void {
  const group = program.command('export').description('blocks or receipts as JSON lines');
  for (const [kind, what] of [
    ['blocks', 'commits with the ids of their transactions'],
    ['receipts', 'receipts of applied transactions, in the order of execution'],
  ] as const) {
    addConfigOptions(
      withClient(group.command(kind)).description(
        `${what}, from a validator with --url, else from the files of a stopped one`,
      ),
    )
      .option('--from <commit>', 'first commit (default: the first that is held)')
      .option('--to <commit>', 'last commit (default: the newest)')
      .option('--out <file>', 'file to make instead of standard output')
      .action(({ from, to, out, url, networkId, ...flags }) => {
        const options = { from, to, out, url, networkId };
        return call(async (terminal) =>
          (await import('../commands/export.ts')).runExport(kind, flags, options, terminal),
        );
      });
  }
}
