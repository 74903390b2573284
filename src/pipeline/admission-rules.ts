import type { SenderAccount } from '../execution/index.ts';
import type { ProtocolParameters } from '../params/protocol-parameters.ts';
import { type Transaction, transferCount } from '../types/transaction.ts';
import { AdmissionError } from './errors.ts';
import { NONCE_WINDOW } from './options.ts';

export type FeeParameters = Pick<ProtocolParameters, 'feeBase' | 'feePerTransfer' | 'feePerByte'>;
export type AdmissionParameters = FeeParameters & Pick<ProtocolParameters, 'maxTransactionBytes' | 'expiryHorizonMs'>;

/** What the state as it is now has against a transaction, in the order of docs/spec/mempool.md. `bytes`: body and signature. */
export function objection(
  transaction: Transaction,
  bytes: number,
  account: SenderAccount | undefined,
  parameters: AdmissionParameters,
  nowMs: number,
): AdmissionError | undefined {
  if (account === undefined)
    return new AdmissionError('UNKNOWN_SENDER', 'no such account', { sender: transaction.sender });
  return (
    keyObjection(transaction.keyVersion, account.keyVersion) ??
    nonceObjection(transaction.nonce, account.nextNonce) ??
    expiryObjection(transaction.expiryMs, nowMs, parameters.expiryHorizonMs) ??
    feeObjection(transaction, bytes, account.feeBalance, parameters)
  );
}

export function keyObjection(version: number, current: number): AdmissionError | undefined {
  if (version === current) return undefined;
  const fields = { version, current };
  if (version < current)
    return new AdmissionError('KEY_ROTATED', `the sender's key has version ${current} now`, fields);
  return new AdmissionError('UNKNOWN_KEY', `the sender's key has version ${current} as yet`, fields);
}

export function nonceObjection(nonce: number, next: number): AdmissionError | undefined {
  if (nonce < next) return new AdmissionError('NONCE_USED', `the next nonce is ${next}`, { nonce, next });
  if (nonce < next + NONCE_WINDOW) return undefined;
  return new AdmissionError('NONCE_TOO_FAR', `nonces up to ${next + NONCE_WINDOW - 1} are taken now`, { nonce, next });
}

function expiryObjection(expiryMs: number, nowMs: number, horizonMs: number): AdmissionError | undefined {
  if (expiryMs <= nowMs) return new AdmissionError('EXPIRED', 'the expiry has passed', { expiryMs, nowMs });
  if (expiryMs <= nowMs + horizonMs) return undefined;
  return new AdmissionError('EXPIRY_TOO_FAR', `an expiry is at most ${horizonMs} ms ahead`, {
    expiryMs,
    nowMs,
    horizonMs,
  });
}

/** Balances are checked roughly, for the fee alone: what the payload moves may still arrive before it is executed. */
function feeObjection(
  transaction: Transaction,
  bytes: number,
  balance: bigint,
  fees: FeeParameters,
): AdmissionError | undefined {
  const { fee } = transaction;
  const minimum = minimumFee(fees, transferCount(transaction), bytes);
  if (fee < minimum) return new AdmissionError('FEE_TOO_LOW', `the fee is at least ${minimum}`, { fee, minimum });
  if (balance < fee) return new AdmissionError('BALANCE_TOO_LOW', 'the sender cannot pay the fee', { fee, balance });
  return undefined;
}

function minimumFee(fees: FeeParameters, transfers: number, bytes: number): bigint {
  return fees.feeBase + fees.feePerTransfer * BigInt(transfers) + fees.feePerByte * BigInt(bytes);
}
