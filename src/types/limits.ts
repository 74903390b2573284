/** Sizes fixed by FIPS 204, ML-DSA-87 (table 2). */
export const PUBLIC_KEY_BYTES = 2_592;
export const SIGNATURE_BYTES = 4_627;

/** Powers of two members multiply to less than 2^63, and a header of the largest committee stays under its limit. */
export const MAX_COMMITTEE = 100;
export const MAX_TOTAL_POWER = 2 ** 31;

/** A committee of 100 needs 3.8 kB of references, 4.7 kB of checkpoint vote, and attestations. */
export const MAX_HEADER_BYTES = 64 * 1024;
/** Longer lists go into the next block, else long bad-lists of a committee of 100 would exceed the header. */
export const MAX_ATTESTATIONS = 1_000;

/** One transaction on the wire: 8,192 transfers of 13 bytes, or an opened account, with its signature. */
export const MAX_TRANSACTION_BYTES = 128 * 1024;
export const MAX_TRANSFERS = 8_192;

/** One block is about 20 ms at 100 MiB/s a link. The protocol parameter may lower it, never raise it. */
export const MAX_BLOCK_BYTES = 2 * 1024 * 1024;
export const MAX_TRANSACTIONS_PER_BLOCK = 400;

/** One frame on a validator link: a full fetch reply and a header. Refused before anything is allocated. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024 + MAX_HEADER_BYTES;
