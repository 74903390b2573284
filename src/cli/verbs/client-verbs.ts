import { type Command, Option } from 'commander';
import { type Call, passphraseOption, repeatable, withClient } from '../verb-options.ts';

export function addClientVerbs(program: Command, call: Call): void {
  const tx = program.command('tx').description('submit and follow transactions');
  withClient(tx.command('transfer'))
    .description('sign a transfer and submit it')
    .requiredOption('--from <keystore>', 'account keystore of the sender')
    .addOption(
      repeatable(
        '--to <handle|address>',
        'recipient; repeat with --amount for a batch under one signature',
      ).makeOptionMandatory(),
    )
    .addOption(repeatable('--amount <units>', 'in smallest units, one for each recipient').makeOptionMandatory())
    .option('--asset <number>', 'asset', '0')
    .addOption(waitOption())
    .addOption(passphraseOption())
    .action((options) => call(async (terminal) => (await import('../commands/tx.ts')).transfer(options, terminal)));
  withClient(tx.command('submit'))
    .description('submit the bytes of a signed transaction')
    .argument('<file>', 'body and signature as one file; - for standard input')
    .addOption(waitOption())
    .action((file, options) =>
      call(async (terminal) => (await import('../commands/tx.ts')).submit(file, options, terminal)),
    );
  withClient(tx.command('status'))
    .description('how far a transaction is, with its receipt')
    .argument('<id>')
    .action((id, options) =>
      call(async (terminal) => (await import('../commands/tx.ts')).status(id, options, terminal)),
    );
  addAccountVerbs(program, call);
  addViews(program, call);
}

function addAccountVerbs(program: Command, call: Call): void {
  const account = program.command('account').description('open accounts and look at them');
  withClient(account.command('open'))
    .description('open the account of a new keystore; another account signs and pays')
    .argument('<keystore>')
    .requiredOption('--from <keystore>', 'account keystore of who pays')
    .addOption(waitOption())
    .addOption(passphraseOption())
    .action((keystore, options) =>
      call(async (terminal) => (await import('../commands/account.ts')).openAccount(keystore, options, terminal)),
    );
  withClient(account.command('show'))
    .description('balances as one validator says they are')
    .argument('<handle|address|keystore>')
    .action((key, options) =>
      call(async (terminal) => (await import('../commands/account.ts')).showAccount(key, options, terminal)),
    );
  withClient(account.command('proof'))
    .description('balances as a quorum signed them, checked here')
    .argument('<handle|address|keystore>')
    .action((key, options) =>
      call(async (terminal) => (await import('../commands/account.ts')).proveAccount(key, options, terminal)),
    );
}

function waitOption(): Option {
  return new Option('--wait <level>', 'how far to wait')
    .choices(['none', 'included', 'final', 'certified'])
    .default('final');
}

/** Verbs that show and change nothing. */
function addViews(program: Command, call: Call): void {
  withClient(program.command('block'))
    .description('a block: what the network decided at one height')
    .argument('<height|hash|latest>')
    .action((key, options) =>
      call(async (terminal) => (await import('../commands/block.ts')).showBlock(key, options, terminal)),
    );
  withClient(program.command('status'))
    .description('health and readiness of a validator, and what it waits for')
    .option('--posture', 'also list keys and links with their algorithms')
    .action((options) =>
      call(async (terminal) => (await import('../commands/status.ts')).runStatus(options, terminal)),
    );
  withClient(program.command('why'))
    .description(
      'explain a stall: who is missing, since when, what is awaited, when the next attempt comes; give every validator with --url',
    )
    .action((options) => call(async (terminal) => (await import('../commands/why.ts')).runWhy(options, terminal)));
  withClient(program.command('watch'))
    .description('the state of validators again and again, until Ctrl-C; give every validator with --url')
    .option('--every <seconds>', 'time between two looks', '1')
    .option('--times <number>', 'end after so many')
    .action((options) => call(async () => (await import('../commands/watch.ts')).runWatch(options)));
}
