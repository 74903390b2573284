import { isIPv4, isIPv6 } from 'node:net';

const MAPPED_IPV4 = /^(?:0*:)*(?::|0*:)ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * The source that an address counts for: its /24 (IPv4) or /48 (IPv6), since these are what one party is given whole. What is no address, such as the
 * path of a socket file, is a source of its own.
 */
export function addressSource(address: string): string {
  const plain = address.split('%')[0] as string;
  const ipv4 = MAPPED_IPV4.exec(plain)?.[1] ?? plain;
  if (isIPv4(ipv4)) return `${ipv4.split('.').slice(0, 3).join('.')}.0/24`;
  if (!isIPv6(plain)) return address;
  return `${leadingGroups(plain, 3).join(':')}::/48`;
}

/** The first `count` groups of an IPv6 address, of which `::` stands for as many zeros as are missing. */
function leadingGroups(address: string, count: number): string[] {
  const [before = '', after] = address.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const tail = after === '' ? [] : after.split(':');
    const tailGroups = tail.length + (after.includes('.') ? 1 : 0);
    while (groups.length + tailGroups < 8) groups.push('0');
    groups.push(...tail);
  }
  return groups.slice(0, count).map((group) => Number.parseInt(group, 16).toString(16));
}
