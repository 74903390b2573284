import type { Command } from 'commander';
import { addConfigOptions } from '../config-options.ts';
import { type Call, withJson } from '../verb-options.ts';

/** Verbs about the archive in MongoDB. */
export function addArchiveVerbs(program: Command, call: Call): void {
  const group = program.command('archive').description('the archive in MongoDB');
  addConfigOptions(
    withJson(group.command('verify')).description(
      'compute everything in the archive again from the genesis, and list what is altered, missing or added; reads only',
    ),
  ).action((options) =>
    call(async (terminal) => (await import('../commands/archive-verify.ts')).runArchiveVerify(options, terminal)),
  );
  addConfigOptions(
    withJson(program.command('restore')).description(
      'rebuild the block log of a validator that lost its data, checked against certified checkpoints',
    ),
  )
    .requiredOption('--from-archive', 'from the MongoDB archive that the settings name')
    .action(({ fromArchive: _, ...options }) =>
      call(async (terminal) => (await import('../commands/restore.ts')).runRestore(options, terminal)),
    );
}
