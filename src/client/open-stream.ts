/** The answer to a request that does not end by itself. */
export interface OpenedStream {
  readonly status: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Opens an endless answer. Rejects when there is none; the chunks end or throw when the connection does, or with the signal. */
export type OpenStream = (url: string, signal: AbortSignal) => Promise<OpenedStream>;

/** With the platform's `fetch`, in Node and in browsers. */
export function fetchStream(fetch: typeof globalThis.fetch = globalThis.fetch): OpenStream {
  return async (url, signal) => {
    const response = await fetch(url, { signal, headers: { accept: 'text/event-stream' } });
    return { status: response.status, chunks: chunksOf(response) };
  };
}

/** Not every browser iterates over a stream by itself. */
async function* chunksOf({ body }: Response): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  if (reader === undefined) return;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    await reader.cancel().catch(() => undefined); // the connection may have ended before
  }
}
