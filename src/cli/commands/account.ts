import { type Address, id } from '../../types/ids.ts';
import { isHex } from '../../util/bytes.ts';
import { readAccountKey } from '../account-keys.ts';
import { type ClientFlags, isHandle, withClient } from '../client.ts';
import { columns, type Terminal } from '../terminal.ts';

export async function showAccount(text: string, options: ClientFlags, terminal: Terminal): Promise<undefined> {
  const key = await accountKey(text);
  const { balances, ...facts } = await withClient(options, (client) => client.account(key));
  terminal.result({ ...facts, balances: balances.map((each) => ({ ...each })) }, [
    ...columns(Object.entries(facts)),
    ...columns(balances.map(({ asset, amount }) => [`balance of asset ${asset}`, amount])),
  ]);
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
