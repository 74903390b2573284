import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from './api.ts';
import type { Lane } from './lane.ts';

/** Checkpoints follow within a second or two of load; an idle network makes one a minute. */
const CHECKPOINT_LIMIT_MS = 90_000;
const POLL_MS = 250;
const ASKED_AT_ONCE = 64;

export interface Verdict {
  /** All validators hold the same statement at a checkpoint after the last transaction. */
  readonly stateRootsEqual: boolean;
  /** Accepted, and after the drain neither applied nor dropped. */
  readonly lost: number;
  /** Applied more often than the nonces of the senders say. */
  readonly duplicated: number;
}

/** What the ledgers say, whatever the load believes. `handleOf` names the account of a sender of a lane. */
export async function judge(
  apis: readonly Api[],
  lanes: readonly Lane[],
  handleOf: (lane: number, sender: number) => number,
): Promise<Verdict> {
  const isEqual = await haveEqualStatements(apis, Math.max(...lanes.map((lane) => lane.lastCommit)));
  let [applied, accepted, lost] = [0, 0, 0];
  for (const [index, lane] of lanes.entries()) {
    const nonces = await nextNonces(apis[index] as Api, lane.accepted.length, (sender) => handleOf(index, sender));
    for (const [sender, nonce] of nonces.entries()) {
      const expected = lane.accepted[sender] as number;
      applied += nonce;
      accepted += expected;
      lost += Math.max(0, expected - nonce);
    }
    lost -= lane.counts.dropped;
  }
  const counted = await Promise.all(
    apis.map(async (api) => (await api.metrics()).get('av10_signed_transactions_total') ?? 0),
  );
  const excess = Math.max(0, Math.max(...counted) - applied) + Math.max(0, applied - accepted);
  return { stateRootsEqual: isEqual, lost: Math.max(0, lost), duplicated: excess };
}

/** The same checkpoint of everybody, the first one certified after the given commit. */
async function haveEqualStatements(apis: readonly Api[], commit: number): Promise<boolean> {
  for (const endMs = performance.now() + CHECKPOINT_LIMIT_MS; performance.now() < endMs; await delay(POLL_MS)) {
    const latest = await Promise.all(apis.map((api) => api.checkpoint('latest').catch(() => undefined)));
    if (latest.some((checkpoint) => checkpoint === undefined || checkpoint.commit < commit)) continue;
    const index = Math.min(...latest.map((checkpoint) => checkpoint?.index ?? 0));
    const same = await Promise.all(apis.map((api) => api.checkpoint(index)));
    return same.every(({ statement }) => statement === same[0]?.statement);
  }
  return false;
}

async function nextNonces(api: Api, senders: number, handleOf: (sender: number) => number): Promise<number[]> {
  const nonces: number[] = [];
  for (let from = 0; from < senders; from += ASKED_AT_ONCE) {
    const part = Array.from({ length: Math.min(ASKED_AT_ONCE, senders - from) }, (_, i) => handleOf(from + i));
    const accounts = await Promise.all(part.map((handle) => api.account(handle)));
    nonces.push(...accounts.map(({ nextNonce }) => Number(nextNonce)));
  }
  return nonces;
}
