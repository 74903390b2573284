import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CryptoBackend } from '../../crypto/backend.ts';
import { readGenesisFiles } from '../../node/genesis-files.ts';
import { SYSTEM_CLOCK } from '../../node/system.ts';
import { committeeWarnings } from '../../params/committee.ts';
import type { Genesis } from '../../params/genesis.ts';
import { defaultParameters, type ProtocolParameters } from '../../params/protocol-parameters.ts';
import { readAccountKey } from '../account-keys.ts';
import { commandBackend } from '../backend.ts';
import { CliError } from '../errors.ts';
import { exists, readBounded } from '../files.ts';
import { type FundedAccount, GENESIS_FILE, writeGenesis } from '../genesis-writer.ts';
import { amountOption, integerOption } from '../number-option.ts';
import { columns, type Terminal } from '../terminal.ts';
import { decodeValidatorFile } from '../validator-file.ts';

/** Handles are 32-bit. */
const MAX_ACCOUNTS = 2 ** 32 - 2;
const MAX_DECIMALS = 18;
/** Seeds of 32 bytes, in the order of the handles. */
const SEEDS_FILE = 'accounts.seeds';

export interface CreateOptions {
  readonly name: string;
  readonly out: string;
  readonly account?: readonly string[];
  readonly accounts?: string;
  readonly balance: string;
  readonly symbol: string;
  readonly decimals: string;
  readonly parameters?: string;
}

export async function createGenesis(
  files: readonly string[],
  options: CreateOptions,
  terminal: Terminal,
): Promise<undefined> {
  const crypto = commandBackend();
  const members = await Promise.all(
    files.map(async (path) => decodeValidatorFile(crypto.hasher, path, await readBounded(path))),
  );
  const made = integerOption('--accounts', options.accounts, 1, MAX_ACCOUNTS) ?? 0;
  const balance = amountOption('--balance', options.balance);
  const named = await Promise.all((options.account ?? []).map(readFunding));
  const content = {
    name: options.name,
    timeMs: SYSTEM_CLOCK.wallMs(),
    parameters: await readParameters(options.parameters, members.length),
    assets: [{ symbol: options.symbol, decimals: integerOption('--decimals', options.decimals, 0, MAX_DECIMALS) ?? 0 }],
    members,
  };
  const seedsFile = join(options.out, SEEDS_FILE);
  const accounts = made === 0 ? named : withNewAccounts(crypto, named, { count: made, balance, seedsFile }, terminal);
  const { genesis, warnings } = await writeGenesis(crypto.hasher, options.out, content, accounts);
  for (const warning of warnings) terminal.warn(warning);
  if (made > 0) terminal.warn(`${seedsFile} holds unencrypted private keys: for development only`);
  show(genesis, terminal);
  terminal.note(`written: ${join(options.out, GENESIS_FILE)}; give it and ${genesis.accounts.file} to every validator`);
}

export async function readGenesis(
  verb: 'show' | 'check',
  options: { readonly genesisFile: string },
  terminal: Terminal,
): Promise<undefined> {
  const { genesis } = await readGenesisFiles(commandBackend().hasher, options.genesisFile);
  for (const warning of committeeWarnings(genesis.committee)) terminal.warn(warning);
  if (verb === 'show') show(genesis, terminal);
  else terminal.result({ networkId: genesis.networkId }, [genesis.networkId]);
}

function show(genesis: Genesis, terminal: Terminal): void {
  const { networkId, name, timeMs, committee, assets, accounts, parameters } = genesis;
  const validators = committee.members.map(({ validatorId, name: validator, power, address, peerId }) => {
    return { name: validator, validatorId, power, address, peerId };
  });
  const facts = { networkId, name, time: new Date(timeMs).toISOString(), accounts: accounts.count };
  const votes = { totalPower: committee.totalPower, quorum: committee.quorum, faultsTolerated: committee.f };
  terminal.result(
    {
      ...facts,
      ...votes,
      assets: assets.map(({ symbol, decimals }) => ({ symbol, decimals })),
      validators,
      parameters: { ...parameters },
    },
    [
      ...columns(Object.entries({ ...facts, ...votes, assets: assets.map(({ symbol }) => symbol).join(', ') })),
      ...columns(
        validators.map((each) => [
          `validator ${each.name}`,
          `power ${each.power}  ${each.address}  ${each.validatorId}`,
        ]),
      ),
    ],
  );
}

/** `keystore=balance`; the public key in a keystore is readable without its passphrase. */
async function readFunding(text: string): Promise<FundedAccount> {
  const separator = text.lastIndexOf('=');
  if (separator < 1)
    throw new CliError('USAGE', `--account: keystore=balance expected, got '${text}'`, { option: '--account' });
  const { publicKey } = await readAccountKey(text.slice(0, separator));
  return { publicKey, balance: amountOption('--account', text.slice(separator + 1)) };
}

async function* withNewAccounts(
  { generateKeyPair }: CryptoBackend,
  named: readonly FundedAccount[],
  { count, balance, seedsFile }: { readonly count: number; readonly balance: bigint; readonly seedsFile: string },
  terminal: Terminal,
): AsyncGenerator<FundedAccount> {
  if (await exists(seedsFile))
    throw new CliError('FILE_EXISTS', `${seedsFile} is there already: move it away`, { path: seedsFile });
  yield* named;
  const unfinished = `${seedsFile}.unfinished-${process.pid}`;
  const handle = await open(unfinished, 'wx', 0o600);
  try {
    for (let i = 0; i < count; i++) {
      terminal.progress(`account ${i + 1} of ${count}`);
      const { publicKey, seed } = generateKeyPair();
      await handle.writeFile(seed.reveal());
      seed.wipe();
      yield { publicKey, balance };
    }
    await handle.sync();
    await rename(unfinished, seedsFile);
  } finally {
    await handle.close();
    await rm(unfinished, { force: true });
  }
}

/** Amounts are decimal strings, as in genesis.json; what is not named keeps its default. The genesis decoder checks the values. */
async function readParameters(path: string | undefined, members: number): Promise<ProtocolParameters> {
  const defaults = defaultParameters(members);
  if (path === undefined) return defaults;
  const invalid = (field: string, expected: string): CliError =>
    new CliError('FILE_INVALID', `${path}: ${field}: ${expected}`, { path, field });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(await readBounded(path)));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw invalid('(file)', 'JSON expected');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('(file)', 'an object expected');
  const merged: Record<string, unknown> = { ...defaults };
  for (const [field, given] of Object.entries(value)) {
    const fallback = merged[field];
    if (fallback === undefined) throw invalid(field, 'no such protocol parameter');
    if (typeof fallback === 'bigint') merged[field] = amountOption(`${path}: ${field}`, String(given));
    else if (typeof given === typeof fallback) merged[field] = given;
    else throw invalid(field, `a ${typeof fallback} expected`);
  }
  return merged as unknown as ProtocolParameters;
}
