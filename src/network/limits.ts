import { MAX_FRAME_BYTES } from '../types/limits.ts';

/** Bytes gathered into one write: a write costs about 25 us an end whatever its size, so small writes waste the machine. */
export const WRITE_BYTES = 256 * 1024;

/** Waiting frames a peer and channel: bounds the bookkeeping (about 200 B a frame) where frames are tiny. */
export const MAX_QUEUED_FRAMES = 16_384;

/** Most bytes of frames waiting for a peer, on each channel; above it frames are dropped and the peer fetches what it misses. */
export const DEFAULT_SEND_QUEUE_BYTES = 8 * 1024 * 1024;

/** A queue must take the largest frame, else that frame could never be sent. */
export const MIN_SEND_QUEUE_BYTES = MAX_FRAME_BYTES + 4;

/** From the first byte of a connection to both streams open, and for a dial: 3 round trips of TCP and TLS, 2 of streams. */
export const HANDSHAKE_TIMEOUT_MS = 3_000;

/** Keep-alive and supervision of a link. */
export const BEAT_MS = 2_000;
/** Beats without a received byte before a link counts as dead: longer than a stop-the-world pause of a healthy peer. */
export const SILENT_BEATS = 5;
/** Beats in which a peer took none of the bytes that wait for it. */
export const STALLED_BEATS = 3;

/** Waits between dials, the last one repeated; each is shortened at random by up to half so that peers do not dial in step. */
export const RETRY_DELAYS_MS: readonly number[] = [1_000, 2_000, 5_000, 10_000];
/** The peer of the higher id waits this long before its first dial: one handshake a pair instead of two. */
export const HIGHER_DIAL_DELAY_MS = 250;
/** A second connection of a peer this soon after its link came up was dialled at the same moment; later, the peer has lost the link. */
export const SIMULTANEOUS_DIAL_MS = 2 * HANDSHAKE_TIMEOUT_MS;

/** Read before TLS is there: a caller's proof and the first message of TLS, 2 kB in all. */
export const MAX_CALLER_READ_AHEAD_BYTES = 16 * 1024;
/** An honest first message of TLS has 1.9 kB: whoever sent more has had certificates verified. */
export const CHEAP_HANDSHAKE_BYTES = 4 * 1024;
/** For a member that spoiled a handshake after that: two at once of 0.4 s each are a fortieth of a core then. */
export const CALLER_HOLD_MS = 30_000;

/** Connections of one peer that have not opened both streams yet: one in use, one about to replace it. */
export const MAX_PENDING_PER_PEER = 2;
/** Two channels, and room for a refused stream that is still closing. */
export const MAX_STREAMS_PER_CONNECTION = 8;

/** Connections of unknown hosts, at 2 ms each on a slow core before a caller has proven to be a member: 4 % of it. */
export const STRANGER_HANDSHAKES_PER_SECOND = 20;
export const STRANGER_CONNECTIONS_PER_HOST_PER_SECOND = 5;
export const STRANGER_PENDING_CONNECTIONS = 10;
/** Handshakes a second of the committee's hosts, for each member: dials from both sides and one restart. */
export const HANDSHAKES_PER_MEMBER_PER_SECOND = 4;

/** Open sockets of the listener, the last fuse against floods; a refused socket lives 3 s at most. */
export const MAX_SOCKETS = 1_024;

/** A stream's window as yamux starts it, and at most: 10 MiB are in flight at 100 MiB/s and 100 ms. */
export const INITIAL_WINDOW_BYTES = 256 * 1024;
export const MAX_WINDOW_BYTES = 16 * 1024 * 1024;
/** Aborts a stream: never reached while writes wait for `drain`, since at most one write is buffered. */
export const MAX_STREAM_WRITE_BUFFER_BYTES = 4 * WRITE_BYTES;
/** Unread bytes of a stream before it is aborted: reached only before a link is up, when nobody reads yet. */
export const MAX_STREAM_READ_BUFFER_BYTES = 4 * 1024 * 1024;
/** The longest answer to a clean stop: queued frames leave (the lease's release among them), then sockets close. */
export const FLUSH_ON_STOP_MS = 500;

/** A leaf of a link key: backdated for clocks that are behind, and valid long enough that nobody waits for a renewal over a weekend. */
export const CERTIFICATE_BACKDATE_MS = 10 * 60 * 1_000;
export const CERTIFICATE_LIFETIME_MS = 7 * 24 * 60 * 60 * 1_000;
/** A link key certified for less than this is reported: time to find the identity keystore and its passphrase. */
export const KEY_ENDS_SOON_MS = 14 * 24 * 60 * 60 * 1_000;
/** A leaf with a key certificate has 15 kB; anything larger is not parsed. */
export const MAX_CERTIFICATE_BYTES = 16 * 1024;

/** A link is made anew, with fresh keys, after so long or so many bytes: what one stolen session key can read is bounded. */
export const LINK_MAX_AGE_MS = 24 * 60 * 60 * 1_000;
export const LINK_MAX_BYTES = 2 ** 36;
/** Of either limit, when the dialler renews; the rest is for retries, and the jitter keeps links of one moment apart. */
export const RENEWAL_SHARE = 0.8;
export const RENEWAL_JITTER_SHARE = 0.1;
/** How long the acceptor keeps the connection of a link that was replaced: the dialler ends it itself after one round trip. */
export const RETIRE_AFTER_MS = 1_000;
