import { Command, CommanderError, Option } from 'commander';
import { addConfigOptions } from './config-options.ts';
import { exitCodeHelp, exitStatusOf } from './exit-codes.ts';
import { createTerminal, type Terminal } from './terminal.ts';

const USAGE_STATUS = 2;

/**
 * The command line: parses, calls one verb, and turns whatever it throws into a message and an exit status. A verb is loaded when it is
 * called, so that `av10 version` does not load a node.
 *
 * @param entry the module that `devnet` starts validators with
 */
export async function runCli(args: readonly string[], entry: string): Promise<number> {
  const isJson = args.includes('--json');
  const terminal = createTerminal({ json: isJson });
  let status = 0;
  const call = async (verb: (terminal: Terminal) => Promise<number | undefined>): Promise<void> => {
    status = (await verb(terminal)) ?? 0;
  };
  try {
    await buildProgram(call, entry).parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    // Commander has printed its own message already; help and version are no failures.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_STATUS;
    terminal.error(error);
    return exitStatusOf(error);
  }
}

type Call = (verb: (terminal: Terminal) => Promise<number | undefined>) => Promise<void>;

function buildProgram(call: Call, entry: string): Command {
  const program = new Command('av10')
    .description('AV10-7 validator: a post-quantum, Byzantine-fault-tolerant ledger node')
    .exitOverride()
    .showHelpAfterError('(av10 --help lists everything)')
    .addHelpText('after', `\n${exitCodeHelp()}`);
  addOperatorVerbs(program, call, entry);
  addKeyVerbs(program, call);
  addGenesisVerbs(program, call);
  addClientVerbs(program, call);
  return program;
}

function addOperatorVerbs(program: Command, call: Call, entry: string): void {
  addConfigOptions(
    withJson(program.command('init')).description(
      'make data folder, block log and sign guard of a validator that never ran',
    ),
  ).action((options) => call(async (terminal) => (await import('./commands/init.ts')).runInit(options, terminal)));
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
      call(async () => (await import('./commands/start.ts')).runStart(options, recoverIdentity === true)),
    );
  withJson(program.command('devnet'))
    .description('run a network of separate validator processes on this machine, with funded accounts')
    .option('--validators <number>', 'validators of a new network (default 4; three tolerate no fault)')
    .option('--accounts <number>', 'funded accounts of a new network (default 4)')
    .option('--fresh', 'delete the network in the folder and make a new one')
    .option('--base-dir <path>', 'folder of the network', '.devnet')
    .option('--port-offset <number>', 'added to every port')
    .action((options) =>
      call(async (terminal) => (await import('./commands/devnet.ts')).runDevnet(options, entry, terminal)),
    );
  addConfigOptions(
    withJson(program.command('doctor')).description(
      'check this machine, the files of a validator and its peers, and say what to mend',
    ),
  )
    .addOption(repeatable('--url <url>', 'APIs of other validators, to compare clocks with'))
    .action((options) => call(async (terminal) => (await import('./commands/doctor.ts')).runDoctor(options, terminal)));
  withJson(program.command('version'))
    .description('versions of program, runtime and protocol')
    .action(() => call(async (terminal) => (await import('./commands/version.ts')).runVersion(terminal)));
}

function addKeyVerbs(program: Command, call: Call): void {
  const keys = program.command('keys').description('make and show keys');
  withJson(keys.command('generate'))
    .description('identity, consensus and link keystores and the peer key of a new validator')
    .option('--keys-dir <path>', 'folder to make', 'keys')
    .addOption(passphraseOption())
    .action((options) =>
      call(async (terminal) => (await import('./commands/keys.ts')).generateKeys(options, terminal)),
    );
  withJson(keys.command('show'))
    .description('public keys and fingerprints; needs no passphrase')
    .option('--keys-dir <path>', 'folder of the keystores', 'keys')
    .option('--export <file>', 'also write validator.json, for whoever makes the genesis')
    .option('--name <name>', 'with --export: name of the validator in the genesis')
    .option('--address <host:port>', 'with --export: where other validators reach it')
    .option('--power <number>', 'with --export: voting power', '1')
    .action((options) => call(async (terminal) => (await import('./commands/keys.ts')).showKeys(options, terminal)));
  withJson(keys.command('rotate-link'))
    .description('make another link key and certify it with the identity key; a running validator takes it at SIGUSR2')
    .option('--keys-dir <path>', 'folder of the keystores', 'keys')
    .option('--genesis-file <path>', 'genesis.json; accounts.bin lies beside it', 'genesis.json')
    .option('--identity <file>', 'identity keystore (default identity.json in the folder)')
    .option('--days <number>', 'how long the key is certified', '90')
    .addOption(passphraseOption())
    .option('--identity-passphrase-file <file>', 'where the identity keystore has another passphrase')
    .action((options) => call(async (terminal) => (await import('./commands/keys.ts')).rotateLink(options, terminal)));
  withJson(keys.command('account'))
    .description('keystore of a new account')
    .requiredOption('--out <file>', 'file to make')
    .addOption(passphraseOption())
    .action((options) =>
      call(async (terminal) => (await import('./commands/keys.ts')).generateAccount(options, terminal)),
    );
}

function addGenesisVerbs(program: Command, call: Call): void {
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
      call(async (terminal) => (await import('./commands/genesis.ts')).createGenesis(files, options, terminal)),
    );
  for (const [name, description] of [
    ['show', 'the network that a genesis describes'],
    ['check', 'check a genesis and its accounts file; prints its network id'],
  ] as const) {
    withJson(genesis.command(name))
      .description(description)
      .option('--genesis-file <path>', 'genesis.json; accounts.bin lies beside it', 'genesis.json')
      .action((options) =>
        call(async (terminal) => (await import('./commands/genesis.ts')).readGenesis(name, options, terminal)),
      );
  }
}

function addClientVerbs(program: Command, call: Call): void {
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
    .addOption(
      new Option('--wait <level>', 'how far to wait')
        .choices(['none', 'included', 'final', 'certified'])
        .default('final'),
    )
    .addOption(passphraseOption())
    .action((options) => call(async (terminal) => (await import('./commands/tx.ts')).transfer(options, terminal)));
  withClient(tx.command('submit'))
    .description('submit the bytes of a signed transaction')
    .argument('<file>', 'body and signature as one file; - for standard input')
    .addOption(
      new Option('--wait <level>', 'how far to wait')
        .choices(['none', 'included', 'final', 'certified'])
        .default('final'),
    )
    .action((file, options) =>
      call(async (terminal) => (await import('./commands/tx.ts')).submit(file, options, terminal)),
    );
  withClient(tx.command('status'))
    .description('how far a transaction is, with its receipt')
    .argument('<id>')
    .action((id, options) =>
      call(async (terminal) => (await import('./commands/tx.ts')).status(id, options, terminal)),
    );
  const account = program.command('account').description('look at accounts');
  withClient(account.command('show'))
    .description('balances as one validator says they are')
    .argument('<handle|address|keystore>')
    .action((key, options) =>
      call(async (terminal) => (await import('./commands/account.ts')).showAccount(key, options, terminal)),
    );
  withClient(account.command('proof'))
    .description('balances as a quorum signed them, checked here')
    .argument('<handle|address|keystore>')
    .action((key, options) =>
      call(async (terminal) => (await import('./commands/account.ts')).proveAccount(key, options, terminal)),
    );
  withClient(program.command('status'))
    .description('health and readiness of a validator, and what it waits for')
    .option('--posture', 'also list keys and links with their algorithms')
    .action((options) => call(async (terminal) => (await import('./commands/status.ts')).runStatus(options, terminal)));
}

function withJson(command: Command): Command {
  return command.option('--json', 'result as one JSON document on standard output, errors as JSON on standard error');
}

function withClient(command: Command): Command {
  return withJson(command)
    .addOption(
      repeatable(
        '--url <url>',
        'API of a validator (default http://127.0.0.1:8181); repeatable, each is tried in turn',
      ),
    )
    .option('--network-id <id>', 'refuse every other network');
}

function passphraseOption(): Option {
  return new Option(
    '--passphrase-file <file>',
    'file with the passphrase (mode 0600); asked for at a terminal if not given',
  );
}

/** Once a value: unlike commander's variadic options it leaves the arguments behind it alone. */
function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string, values: readonly string[] = []) => [
    ...values,
    value,
  ]);
}
