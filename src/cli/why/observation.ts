import { Av10Client } from '../../client/index.ts';
import { nodeSend } from '../../client/node-send.ts';
import type * as Rest from '../../types/rest.ts';
import { errorText } from '../../util/errors.ts';
import { commandBackend } from '../backend.ts';
import { type Probe, probe } from '../probe.ts';

/** A validator that answered. */
export interface Seen {
  readonly kind: 'seen';
  readonly url: string;
  /** Its name in its genesis. */
  readonly name: string;
  readonly networkId: string;
  readonly clockAheadMs: number | undefined;
  readonly status: Rest.Status;
  readonly validators: Rest.Validators;
}

/** An address at which none did. */
export interface Unseen {
  readonly kind: 'unseen';
  readonly url: string;
  readonly how: Exclude<Probe['kind'], 'alive'>;
  readonly text: string;
}

export type Observation = Seen | Unseen;

/** Longer than a busy validator takes for the three answers. */
const ANSWER_LIMIT_MS = 5_000;

/** Looks at every validator at once, each on its own: none may answer for another. */
export function observe(urls: readonly string[]): Promise<Observation[]> {
  return Promise.all(urls.map(observeOne));
}

async function observeOne(url: string): Promise<Observation> {
  const probed = await probe(url);
  if (probed.kind !== 'alive') return { kind: 'unseen', url, how: probed.kind, text: probed.text };
  const send = nodeSend();
  try {
    const client = new Av10Client(
      { urls: [url], requestTimeoutMs: ANSWER_LIMIT_MS },
      { crypto: commandBackend(), send },
    );
    const [status, validators, { networkId }] = await Promise.all([
      client.status(),
      client.validators(),
      client.network(),
    ]);
    const name = validators.validators.find(({ own }) => own)?.name ?? url;
    return { kind: 'seen', url, name, networkId, clockAheadMs: probed.clockAheadMs, status, validators };
  } catch (error) {
    return { kind: 'unseen', url, how: 'unreachable', text: errorText(error) };
  } finally {
    send.close();
  }
}
