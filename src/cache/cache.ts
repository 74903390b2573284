/**
 * Bytes by key, for values that never become wrong: what is final about a transaction, or a block by its height. A cache may forget anything
 * at any time and fail in silence; it never answers anything but what was set under this very key: `docs/decisions/0170-what-is-cached.md`.
 */
export interface Cache {
  /** Undefined: not there, or not to be had in time. Never rejects. The bytes are not the caller's to change. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** At once for the next `get` of this process where that can be; nobody hears whether it was kept. Takes a copy. */
  set(key: string, value: Uint8Array): void;
  close(): Promise<void>;
}
