export type { WaitLevel } from '../types/rest.ts';
export { type AccumulatorOptions, TransferAccumulator, type TransferOutcome } from './accumulator.ts';
export { type AccountInfo, Av10Client, type HistoryQuery, type Page, type SubmitResult } from './client.ts';
export { Av10ApiError, type ClientErrorCode, isApiError } from './errors.ts';
export type { ChainEvent, EventSubscription } from './events.ts';
export { type AccountKey, createKey } from './keys.ts';
export type { ClientModules, ClientOptions } from './options.ts';
export {
  type CertifiedAccount,
  type CertifiedCheckpoint,
  verifyAccountAnswer,
  verifyCheckpointAnswer,
} from './proof.ts';
export { fetchSend, type HttpRequest, type HttpResponse, type Send } from './send.ts';
export type { Settled, SettleOptions, Unapplied } from './settle.ts';
export { type Payload, type Transfer, type TransferOptions, Wallet, type WalletOptions } from './wallet.ts';
