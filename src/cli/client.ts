import { Av10Client } from '../client/index.ts';
import { nodeSend } from '../client/node-send.ts';
import { isHex } from '../util/bytes.ts';
import { commandBackend } from './backend.ts';
import { CliError } from './errors.ts';

const MAX_HANDLE_DIGITS = 10;

/** The first validator of a devnet. */
const DEFAULT_URLS: readonly string[] = ['http://127.0.0.1:8181'];

export interface ClientFlags {
  readonly url?: readonly string[];
  readonly networkId?: string;
}

/**
 * Runs `use` with a client, and closes its connections so that the process can end. With a network id every other network is refused first.
 * @throws CliError USAGE; Av10ApiError NETWORK_MISMATCH
 */
export async function withClient<T>(
  { url, networkId }: ClientFlags,
  use: (client: Av10Client) => Promise<T>,
): Promise<T> {
  const urls = requireUrls(url);
  const expected = networkId === undefined ? {} : { networkId: requireId(networkId, '--network-id') };
  const send = nodeSend();
  try {
    const client = new Av10Client({ urls, ...expected }, { crypto: commandBackend(), send });
    if (networkId !== undefined) await client.network();
    return await use(client);
  } finally {
    send.close();
  }
}

/** The URLs given, or the default one. @throws CliError USAGE */
export function requireUrls(urls: ClientFlags['url'] = DEFAULT_URLS): readonly string[] {
  const bad = urls.find((url) => !/^https?:$/.test(URL.parse(url)?.protocol ?? ''));
  if (bad === undefined) return urls;
  throw new CliError('USAGE', `--url: http://host:port expected, got '${bad}'`, { option: '--url' });
}

/** @throws CliError USAGE */
export function requireId(text: string, what: string): string {
  if (isHex(text, 32)) return text;
  throw new CliError('USAGE', `${what}: 64 lower-case hexadecimal digits expected, got '${text}'`, { option: what });
}

/** Whether the text is an account handle; what else it may be is the caller's to say. */
export function isHandle(text: string): boolean {
  return new RegExp(`^(0|[1-9][0-9]{0,${MAX_HANDLE_DIGITS - 1}})$`).test(text);
}
