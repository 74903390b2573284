import { Wallet } from '../../client/index.ts';
import { type Address, id } from '../../types/ids.ts';
import { isHex } from '../../util/bytes.ts';
import { openAccountKey, readAccountKey } from '../account-keys.ts';
import { type ClientFlags, isHandle, withClient } from '../client.ts';
import { readPassphrase } from '../passphrase.ts';
import { columns, type Terminal } from '../terminal.ts';
import { follow, type Wait } from './tx.ts';

export interface OpenOptions extends ClientFlags {
  /** Keystore of the account that pays. */
  readonly from: string;
  readonly wait: Wait;
  readonly passphraseFile?: string;
}

/** Opens the account of a keystore, whose passphrase is not needed: its public key is all that the network is told. */
export async function openAccount(keystore: string, options: OpenOptions, terminal: Terminal): Promise<undefined> {
  const { publicKey } = await readAccountKey(keystore);
  await withClient(options, async (client) => {
    const passphrase = await readPassphrase(options.passphraseFile, { isNew: false });
    const { address, signer } = await openAccountKey(client.modules.crypto, options.from, passphrase);
    passphrase.wipe();
    const startedMs = performance.now();
    const submitted = await new Wallet(client, signer, { address }).openAccount(publicKey);
    await follow(client, submitted.id, options.wait, startedMs, terminal);
  });
}

export async function showAccount(text: string, options: ClientFlags, terminal: Terminal): Promise<undefined> {
  const key = await accountKey(text);
  const { balances, ...facts } = await withClient(options, (client) => client.account(key));
  const held = balances.map(({ asset, amount }): [string, string] => [`balance of asset ${asset}`, String(amount)]);
  terminal.result(
    { ...facts, balances: balances.map((each) => ({ ...each })) },
    columns([...Object.entries(facts), ...held]),
  );
}

export async function proveAccount(text: string, options: ClientFlags, terminal: Terminal): Promise<undefined> {
  const key = await accountKey(text);
  const { account, commit, timeMs } = await withClient(options, (client) => client.certifiedAccount(key));
  const { address, handle, keyVersion, nonce, frozen, balance } = account;
  const facts = {
    commit,
    time: new Date(timeMs).toISOString(),
    address,
    handle,
    keyVersion,
    nextNonce: nonce,
    frozen,
    balance,
  };
  terminal.result(facts, ['A quorum of the committee signed this state:', ...columns(Object.entries(facts))]);
}

/** A handle, an address, or the path of an account keystore. */
async function accountKey(text: string): Promise<Address | number> {
  if (isHandle(text)) return Number(text);
  if (isHex(text, 32)) return id<Address>(text);
  return (await readAccountKey(text)).address;
}
