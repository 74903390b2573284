import type { IncomingMessage } from 'node:http';
import { MAX_BODY_BYTES } from '../types/rest.ts';
import { RestError } from './errors.ts';

/**
 * The whole body, copied once: chunks are kept as they come and joined at the end into memory of their own, so that a transaction of it
 * that waits for hours holds nothing else alive. What is refused is not kept, and Node discards the rest of it.
 * @throws RestError BODY_TOO_LARGE, BAD_REQUEST when the client goes away
 */
export function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const chunks: Uint8Array[] = [];
  let length = 0;

  const onData = (chunk: Uint8Array): void => {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) fail(tooLarge(length));
    else chunks.push(chunk);
  };
  const onEnd = (): void => {
    release();
    resolve(join(chunks, length));
  };
  const onClose = (): void =>
    fail(new RestError('BAD_REQUEST', 'the connection ended within the body', { received: length }));
  const fail = (error: Error): void => {
    release();
    chunks.length = 0;
    reject(error);
  };
  const release = (): void => {
    request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    // Node reports a connection that breaks later on as an error of the request, whose answer is no longer of interest.
    request.on('error', () => undefined);
  };

  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > MAX_BODY_BYTES) return Promise.reject(tooLarge(declared));
  request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  return promise;
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const out = Buffer.allocUnsafeSlow(length);
  let offset = 0;
  for (const chunk of chunks) {
    out.set(chunk, offset);
    offset += chunk.length;
  }
  return out;
}

function tooLarge(bytes: number): RestError {
  return new RestError('BODY_TOO_LARGE', `at most ${MAX_BODY_BYTES} bytes allowed`, { limit: MAX_BODY_BYTES, bytes });
}
