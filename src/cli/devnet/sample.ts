import { Av10Client, Wallet } from '../../client/index.ts';
import { nodeSend } from '../../client/node-send.ts';
import type { CryptoBackend } from '../../crypto/backend.ts';
import { type Address, id } from '../../types/ids.ts';
import { transactionId } from '../../types/transaction-codec.ts';
import { concatBytes } from '../../util/bytes.ts';
import { openAccountKey } from '../account-keys.ts';
import { replaceFile } from '../files.ts';
import { readPassphrase } from '../passphrase.ts';
import type { DevnetLayout } from './layout.ts';
import type { DevnetNetwork } from './network.ts';

/** Long enough to be tried after lunch; the network allows a day. */
const SAMPLE_VALID_MS = 12 * 60 * 60 * 1_000;
/** One whole unit. */
const SAMPLE_AMOUNT = 1_000_000n;

/**
 * Signs a transfer from the last account to the first and writes its bytes to a file: `curl` can then submit it without any tool of this house.
 * The last account, because the first ones are those that people try.
 */
export async function writeSample(
  crypto: CryptoBackend,
  layout: DevnetLayout,
  network: DevnetNetwork,
  api: string,
): Promise<string[]> {
  const sender = network.accounts.at(-1);
  const recipient = network.accounts[0];
  if (sender === undefined || recipient === undefined) return [];
  const { keyFile, passphraseFile } = layout.account(sender.name);
  const { signer } = await openAccountKey(crypto, keyFile, await readPassphrase(passphraseFile, { isNew: false }));
  const send = nodeSend();
  try {
    const client = new Av10Client({ urls: [api], networkId: network.networkId }, { crypto, send });
    const wallet = new Wallet(client, signer, { address: id<Address>(sender.address), validForMs: SAMPLE_VALID_MS });
    const { body, signature } = await wallet.sign({
      kind: 'transfer-batch',
      asset: 0,
      atomic: true,
      recipients: Uint32Array.of(recipient.handle),
      amounts: BigUint64Array.of(SAMPLE_AMOUNT),
    });
    await replaceFile(layout.sampleFile, concatBytes(body, signature));
    return [
      `A transfer from ${sender.name} to ${recipient.name} is signed in ${layout.sampleFile}. Submit it, and wait until it is final:`,
      `  curl -sS -H 'content-type: application/octet-stream' --data-binary '@${layout.sampleFile}' ${api}/v1/transactions`,
      `  curl -sS '${api}/v1/transactions/${transactionId(crypto.hasher, body)}?wait=final'`,
    ];
  } finally {
    send.close();
  }
}
