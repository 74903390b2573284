import type { Command } from 'commander';
import { type Call, repeatable, withJson } from '../verb-options.ts';

export function addGenesisVerbs(program: Command, call: Call): void {
  const genesis = program.command('genesis').description('make and check the genesis of a network');
  withJson(genesis.command('create'))
    .description('write genesis.json and accounts.bin')
    .argument('<validator.json...>', 'one file of each validator, from `av10 keys show --export`')
    .option('--name <name>', 'name of the network', 'av10')
    .option('--out <folder>', 'folder to write to', '.')
    .addOption(repeatable('--account <keystore=balance>', 'fund the account of a keystore; repeatable'))
    .option(
      '--accounts <number>',
      'development: fund this many new accounts, whose seeds are written to accounts.seeds',
    )
    .option('--balance <units>', 'development: balance of each of --accounts, in smallest units', '1000000000000')
    .option('--symbol <symbol>', 'symbol of the native asset', 'AV10')
    .option('--decimals <number>', 'decimal places of the native asset', '6')
    .option('--parameters <file>', 'protocol parameters that differ from the defaults (JSON)')
    .action((files, options) =>
      call(async (terminal) => (await import('../commands/genesis.ts')).createGenesis(files, options, terminal)),
    );
  for (const [name, description] of [
    ['show', 'the network that a genesis describes'],
    ['check', 'check a genesis and its accounts file; prints its network id'],
  ] as const) {
    withJson(genesis.command(name))
      .description(description)
      .option('--genesis-file <path>', 'genesis.json; accounts.bin lies beside it', 'genesis.json')
      .action((options) =>
        call(async (terminal) => (await import('../commands/genesis.ts')).readGenesis(name, options, terminal)),
      );
  }
}
