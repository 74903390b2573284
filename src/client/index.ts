export type { WaitLevel } from '../types/rest.ts';
export { type AccountInfo, Av10Client, type SubmitResult } from './client.ts';
export { Av10ApiError, type ClientErrorCode, isApiError } from './errors.ts';
export type { ClientModules, ClientOptions } from './options.ts';
export { type CertifiedAccount, verifyAccountAnswer } from './proof.ts';
export { fetchSend, type HttpRequest, type HttpResponse, type Send } from './send.ts';
export { type Payload, type Transfer, type TransferOptions, Wallet, type WalletOptions } from './wallet.ts';
