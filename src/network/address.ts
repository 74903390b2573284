import { lookup } from 'node:dns/promises';
import { isIPv4, isIPv6 } from 'node:net';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { NetworkError } from './errors.ts';

const MAX_PORT = 65_535;
const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * `validator-1:30303`, `10.0.0.1:30303` or `[::1]:30303`.
 * @throws NetworkError ADDRESS_INVALID
 */
export function parseAddress(address: string): HostPort {
  const [, bracketed, plain, digits] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain ?? '';
  const port = Number(digits);
  const validHost = bracketed === undefined ? isIPv4(host) || isHostName(host) : isIPv6(host);
  if (!validHost || !(port <= MAX_PORT)) {
    throw new NetworkError('ADDRESS_INVALID', `'${address}' is not host:port or [ipv6]:port`, { address });
  }
  return { host, port };
}

export function toMultiaddr({ host, port }: HostPort, peerId?: string): Multiaddr {
  const family = isIPv4(host) ? 'ip4' : isIPv6(host) ? 'ip6' : 'dns';
  return multiaddr(`/${family}/${host}/tcp/${port}${peerId === undefined ? '' : `/p2p/${peerId}`}`);
}

/** The IP addresses of a host now; empty when its name does not resolve. */
export async function resolveHost(host: string): Promise<string[]> {
  if (isIPv4(host) || isIPv6(host)) return [host];
  try {
    return (await lookup(host, { all: true })).map((entry) => entry.address);
  } catch {
    return [];
  }
}

/** Labels of letters, digits, hyphens and (as container names have them) underscores; not digits and dots alone. */
function isHostName(host: string): boolean {
  return HOST_NAME.test(host) && !/^[\d.]+$/.test(host);
}
