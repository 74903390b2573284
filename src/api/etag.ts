import { hash } from 'node:crypto';

/** Names exactly these bytes of an answer (RFC 9110, 8.8.3). */
export function etagOf(body: string): string {
  return `"${hash('sha256', body, 'base64url').slice(0, 22)}"`;
}

/** Whether `if-none-match` names the answer; by the weak comparison that the header asks for (RFC 9110, 13.1.2). */
export function isKept(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((text) => {
    const tag = text.trim();
    return tag === '*' || tag === etag || tag === `W/${etag}`;
  });
}
