import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { concatBytes } from '../util/bytes.ts';
import { type HttpRequest, type HttpResponse, MAX_ANSWER_BYTES, type Send } from './send.ts';

/** With node:http over connections that stay open: for tools that send much. Not part of what browsers load. */
export function nodeSend(maxSockets = 16): Send & { close(): void } {
  const agents = {
    'http:': new Agent({ keepAlive: true, maxSockets }),
    'https:': new TlsAgent({ keepAlive: true, maxSockets }),
  };
  const send = (request: HttpRequest): Promise<HttpResponse> => exchange(request, agents);
  return Object.assign(send, {
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  });
}

function exchange(
  { method, url, body, timeoutMs }: HttpRequest,
  agents: { 'http:': Agent; 'https:': TlsAgent },
): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  const target = new URL(url);
  const isTls = target.protocol === 'https:';
  const headers =
    body === undefined ? {} : { 'content-type': 'application/octet-stream', 'content-length': String(body.length) };
  const options = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
  const onAnswer = (response: IncomingMessage): void => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    response.on('data', (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) response.destroy(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`));
      else chunks.push(chunk);
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: concatBytes(...chunks) }));
    response.on('error', reject);
  };
  const outgoing = isTls
    ? httpsRequest(target, { ...options, agent: agents['https:'] }, onAnswer)
    : httpRequest(target, { ...options, agent: agents['http:'] }, onAnswer);
  outgoing.on('error', reject).end(body);
  return promise;
}
