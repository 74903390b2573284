import { concatBytes } from '../util/bytes.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Sent as application/octet-stream. */
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: Uint8Array;
}

/** One HTTP exchange. Rejects when there is no answer in time, or a longer one than {@link MAX_ANSWER_BYTES}. */
export type Send = (request: HttpRequest) => Promise<HttpResponse>;

/** A block of 400 transactions is 30 kB, the genesis of 100 validators 1.6 MB; more than this is no honest answer. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** With the platform's `fetch`: works everywhere. On Node `nodeSend` costs a tenth of it. */
export function fetchSend(fetch: typeof globalThis.fetch = globalThis.fetch): Send {
  return async ({ method, url, body, timeoutMs }) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { 'content-type': 'application/octet-stream' };
    const upload = body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer>, headers };
    const response = await fetch(url, { method, signal, ...upload });
    return { status: response.status, body: await readAll(response) };
  };
}

async function readAll(response: Response): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > MAX_ANSWER_BYTES) {
      await reader.cancel();
      throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(value);
  }
  return concatBytes(...chunks);
}
