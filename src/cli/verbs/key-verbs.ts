import type { Command } from 'commander';
import { type Call, passphraseOption, withJson } from '../verb-options.ts';

export function addKeyVerbs(program: Command, call: Call): void {
  const keys = program.command('keys').description('make and show keys');
  withJson(keys.command('generate'))
    .description('identity, consensus and link keystores and the peer key of a new validator')
    .option('--keys-dir <path>', 'folder to make', 'keys')
    .addOption(passphraseOption())
    .action((options) =>
      call(async (terminal) => (await import('../commands/keys.ts')).generateKeys(options, terminal)),
    );
  withJson(keys.command('show'))
    .description('public keys and fingerprints; needs no passphrase')
    .option('--keys-dir <path>', 'folder of the keystores', 'keys')
    .option('--export <file>', 'also write validator.json, for whoever makes the genesis')
    .option('--name <name>', 'with --export: name of the validator in the genesis')
    .option('--address <host:port>', 'with --export: where other validators reach it')
    .option('--power <number>', 'with --export: voting power', '1')
    .action((options) => call(async (terminal) => (await import('../commands/keys.ts')).showKeys(options, terminal)));
  withJson(keys.command('rotate-link'))
    .description('make another link key and certify it with the identity key; a running validator takes it at SIGUSR2')
    .option('--keys-dir <path>', 'folder of the keystores', 'keys')
    .option('--genesis-file <path>', 'genesis.json; accounts.bin lies beside it', 'genesis.json')
    .option('--identity <file>', 'identity keystore (default identity.json in the folder)')
    .option('--days <number>', 'how long the key is certified', '90')
    .addOption(passphraseOption())
    .option('--identity-passphrase-file <file>', 'where the identity keystore has another passphrase')
    .action((options) => call(async (terminal) => (await import('../commands/keys.ts')).rotateLink(options, terminal)));
  withJson(keys.command('backup'))
    .description('put the key folder of a validator into one file; keystores stay encrypted')
    .option('--keys-dir <path>', 'folder of the keystores', 'keys')
    .requiredOption('--out <file>', 'file to make')
    .action((options) => call(async (terminal) => (await import('../commands/keys.ts')).backup(options, terminal)));
  withJson(keys.command('import'))
    .description('make the key folder of a validator from a backup')
    .argument('<file>', 'file of `av10 keys backup`')
    .option('--keys-dir <path>', 'folder to make', 'keys')
    .action((file, options) =>
      call(async (terminal) => (await import('../commands/keys.ts')).restoreBackup(file, options, terminal)),
    );
  withJson(keys.command('account'))
    .description('keystore of a new account')
    .requiredOption('--out <file>', 'file to make')
    .addOption(passphraseOption())
    .action((options) =>
      call(async (terminal) => (await import('../commands/keys.ts')).generateAccount(options, terminal)),
    );
}
