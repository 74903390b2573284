import { type StoppedNode, withStoppedNode } from '../../node/stopped-node.ts';
import { formatRef } from '../../types/block.ts';
import { decodeSignedHeader } from '../../types/block-codec.ts';
import { parsePayload } from '../../types/payload.ts';
import { commandBackend } from '../backend.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import { CliError } from '../errors.ts';
import { integerOption } from '../number-option.ts';
import { LogProgress } from '../offline/log-progress.ts';
import { commitLine, guardLine, readVerdict, summariseLog } from '../offline/log-summary.ts';
import { eachCommit, type StoredCommit } from '../offline/stored-commits.ts';
import { columns, type JsonValue, type Terminal } from '../terminal.ts';

/** `av10 inspect`: what a stopped validator has on disk. Reads only. */
export async function runInspect(
  flags: ConfigFlags,
  { commit }: { readonly commit?: string },
  terminal: Terminal,
): Promise<undefined> {
  const index = integerOption('--commit', commit, 1, Number.MAX_SAFE_INTEGER);
  const { config } = await readConfig(flags);
  await withStoppedNode(config, commandBackend(), async (node) => {
    if (index === undefined) await showSummary(node, terminal);
    else await showCommit(node, index, terminal);
  });
}

async function showSummary(node: StoppedNode, terminal: Terminal): Promise<void> {
  const { files, own, opened, snapshots } = node;
  const { log, tail } = opened;
  const summary = await summariseLog(node, new LogProgress(terminal, 'reading the log', log));
  const { guard, verdict } = await readVerdict(node, summary.lastOwn);
  const { snapshot, rejected } = await snapshots.newest();
  const newest = snapshot?.metadata;
  const facts = {
    validator: files.genesis.committee.member(own).name,
    networkId: files.genesis.networkId,
    log: {
      id: log.logId,
      lastSequence: log.lastSequence,
      records: { ...summary.counts },
      unsyncedTailBytes: tail.bytes,
      damaged: summary.damaged,
    },
    firstCommit: summary.firstCommit?.index,
    lastCommit: summary.lastCommit?.index,
    certifiedCheckpoint: summary.certified,
    guard: guardLine(guard),
    start: verdict.action === 'recover' ? `needs --recover-identity: ${verdict.reason}` : verdict.action,
    snapshot: newest === undefined ? null : { commit: newest.commitIndex, checkpoint: newest.checkpointIndex },
    rejectedSnapshots: rejected.map(({ message }) => message),
  };
  const records = Object.entries(summary.counts).map(([type, count]) => `${count} ${type}`);
  terminal.result(facts, [
    ...columns([
      ['validator', facts.validator],
      ['network', facts.networkId],
      ['log', `${log.logId}, ${log.lastSequence} records so far, kept: ${records.join(', ')}`],
      ...(tail.bytes > 0 ? [['unsynced tail', `${tail.bytes} bytes, cut at the next start`] as const] : []),
      ['first commit', summary.firstCommit === undefined ? 'none' : commitLine(summary.firstCommit)],
      ['last commit', summary.lastCommit === undefined ? 'none' : commitLine(summary.lastCommit)],
      ['certified', `checkpoint ${summary.certified}`],
      [
        'snapshot',
        newest === undefined ? 'none' : `commit ${newest.commitIndex}, checkpoint ${newest.checkpointIndex}`,
      ],
      ['sign guard', facts.guard],
      ['a start', facts.start],
    ]),
    ...summary.damaged.map((range) => `damaged: ${range}`),
    ...facts.rejectedSnapshots.map((message) => `snapshot rejected: ${message}`),
  ]);
}

async function showCommit(node: StoppedNode, index: number, terminal: Terminal): Promise<void> {
  const { hasher } = node.modules;
  const found: StoredCommit[] = [];
  const progress = new LogProgress(terminal, 'looking for the commit', node.opened.log);
  await eachCommit(node, { from: index, to: index }, progress, (stored) => void found.push(stored));
  const [entry] = found;
  if (entry === undefined)
    throw new CliError('USAGE', `--commit: the log does not hold commit ${index}`, { option: '--commit' });
  const { commit, source, blocks } = entry;
  const shown = blocks.map((block) => {
    const header = decodeSignedHeader(hasher, block.header, block.signature);
    const { items } = parsePayload(hasher, block.payload, header.payload.txCount);
    return { block: formatRef(header.ref), timestampMs: header.timestampMs, transactions: items.map(({ id }) => id) };
  });
  const { digest, previousDigest, timeMs, leader } = commit;
  const value = { index, source, digest, previousDigest, timeMs, leader: formatRef(leader), blocks: shown };
  terminal.result(value as unknown as JsonValue, [
    commitLine(commit),
    `previous ${previousDigest}, ${source}`,
    ...shown.flatMap(({ block, transactions }) => [`  block ${block}`, ...transactions.map((id) => `    ${id}`)]),
  ]);
}
