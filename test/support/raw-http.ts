import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';

/** An answer of a server as it came over the connection. */
export interface RawAnswer {
  readonly status: number;
  /** Of the problem in its body; empty if the body is none. */
  readonly code: string;
}

export interface Talk {
  readonly answers: readonly RawAnswer[];
  /** Whether the server ended the connection; else this side did, after the answers that it awaited. */
  readonly isClosed: boolean;
  readonly tookMs: number;
}

/** A connection to the server of this URL, whose errors are an end like any other. */
export function openSocket(url: string, localAddress?: string): Socket {
  const { hostname, port } = new URL(url);
  const from = localAddress === undefined ? {} : { localAddress };
  return connect({ host: hostname, port: Number(port), ...from }).on('error', () => undefined);
}

/**
 * Sends these bytes as they are, which no client library does, and takes what comes back: until the server closes, or until `awaited` answers
 * are there and nothing follows them for `quietMs`.
 */
export async function talk(
  url: string,
  bytes: Uint8Array | string,
  { awaited, limitMs = 15_000, quietMs = 200 }: { awaited: number; limitMs?: number; quietMs?: number },
): Promise<Talk> {
  const startedMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const chunks: Buffer[] = [];
  const socket = openSocket(url);
  const limit = setTimeout(() => resolve(false), limitMs);
  let quiet: NodeJS.Timeout | undefined;
  socket.on('close', () => resolve(true));
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    clearTimeout(quiet);
    if (parseAnswers(Buffer.concat(chunks)).length >= awaited) quiet = setTimeout(() => resolve(false), quietMs);
  });
  socket.write(bytes);
  const isClosed = await promise;
  clearTimeout(limit);
  clearTimeout(quiet);
  socket.destroy();
  return { answers: parseAnswers(Buffer.concat(chunks)), isClosed, tookMs: performance.now() - startedMs };
}

/** The whole answers at the beginning of what a connection brought. */
export function parseAnswers(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const bodyAt = bytes.indexOf(HEAD_END, at) + HEAD_END.length;
    if (bodyAt < HEAD_END.length) break;
    const head = bytes.toString('latin1', at, bodyAt);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? Number.NaN);
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
    if (bodyAt + length > bytes.length) break;
    at = bodyAt + length;
    // An interim answer, which another follows.
    if (status !== 100) answers.push({ status, code: codeOf(bytes.toString('utf8', bodyAt, at)) });
  }
  return answers;
}

function codeOf(body: string): string {
  try {
    return (JSON.parse(body) as { readonly code?: string }).code ?? '';
  } catch {
    return ''; // no problem, but another document
  }
}
