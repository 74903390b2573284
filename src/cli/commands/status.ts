import type * as Rest from '../../types/rest.ts';
import { type ClientFlags, withClient } from '../client.ts';
import { columns, type JsonValue, type Terminal } from '../terminal.ts';

export interface StatusOptions extends ClientFlags {
  readonly posture?: true;
}

export async function runStatus(options: StatusOptions, terminal: Terminal): Promise<undefined> {
  const status = await withClient(options, (client) => client.status());
  const { posture, ...rest } = status;
  const value = options.posture === true ? status : rest;
  terminal.result(value as unknown as JsonValue, [
    ...columns(Object.entries(status.health)),
    ...columns([
      ['commit', status.lastCommit],
      ['executed', status.lastExecuted],
      ['round', status.round],
      ['certified checkpoint', `${status.lastCertified} of ${status.lastCheckpoint}`],
      ['mempool', `${status.mempool.transactions} transactions, ${status.mempool.bytes} bytes`],
      ['waiting for', waitingFor(status)],
    ]),
    ...columns(
      Object.entries(status.readiness).map(([name, flag]) => [
        name,
        flag.ok ? 'yes' : `no: ${flag.code}: ${flag.reason}`,
      ]),
    ),
    ...columns(status.peers.map((peer) => [peer.name, peerLine(peer)])),
    ...(options.posture === true
      ? columns(posture.map((entry) => [`${entry.purpose} ${entry.subject}`, postureLine(entry)]))
      : []),
  ]);
}

function waitingFor({ waiting, peers }: Rest.Status): string {
  const names = waiting.awaiting.map(
    (author) => peers.find((peer) => peer.author === author)?.name ?? `validator ${author}`,
  );
  return names.length === 0 ? waiting.reason : `${waiting.reason}: ${names.join(', ')}`;
}

function peerLine({ linked, highestRound, lastSeenMs, trouble }: Rest.Status['peers'][number]): string {
  const seen = lastSeenMs === null ? 'never heard' : `heard ${Math.round(lastSeenMs)} ms ago`;
  const link = linked ? 'linked' : `not linked${trouble === null ? '' : ` (${trouble.code})`}`;
  return `${link}, round ${highestRound}, ${seen}`;
}

function postureLine({ algorithm, category, note }: Rest.Status['posture'][number]): string {
  return `${algorithm}, ${category === 0 ? 'classical' : `category ${category}`}${note === undefined ? '' : ` (${note})`}`;
}
