import type { Command } from 'commander';
import { addConfigOptions } from '../config-options.ts';
import { type Call, withJson } from '../verb-options.ts';

export function addConfigVerbs(program: Command, call: Call): void {
  const config = program.command('config').description('look at the settings of a validator');
  addConfigOptions(
    withJson(config.command('validate')).description('check flags, variables and configuration file as a start would'),
  ).action((options) =>
    call(async (terminal) => (await import('../commands/config.ts')).validateConfig(options, terminal)),
  );
  addConfigOptions(
    withJson(config.command('explain')).description('each setting in use, and where its value came from'),
  ).action((options) =>
    call(async (terminal) => (await import('../commands/config.ts')).explainConfig(options, terminal)),
  );
}
