import { nativeBackend } from '../../crypto/native.ts';
import type { NodeConfig } from '../../node/config.ts';
import { type StoppedNode, withStoppedNode } from '../../node/stopped-node.ts';
import { errorText } from '../../util/errors.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import { CliError } from '../errors.ts';
import { LogAudit } from '../offline/log-audit.ts';
import { LogProgress } from '../offline/log-progress.ts';
import { LogReplay } from '../offline/replay-log.ts';
import { StopRequest } from '../stop-request.ts';
import { columns, type Terminal } from '../terminal.ts';

/**
 * `av10 verify`: replays the log of a stopped validator: every hash, signature and root is computed again and compared with what the log and its
 * certificates say. Changes nothing.
 * @throws CliError VERIFICATION_FAILED, INTERRUPTED
 */
export async function runVerify(options: ConfigFlags, terminal: Terminal): Promise<undefined> {
  const { config } = await readConfig(options);
  const stopRequest = new StopRequest();
  try {
    const backend = nativeBackend();
    await withStoppedNode(config, backend, async (node) => {
      const audit = new LogAudit(node, backend.verifier);
      const executed = await replay(node, config, audit, { terminal, stopRequest });
      report(node, audit, executed, terminal);
    });
  } finally {
    stopRequest.dispose();
  }
}

interface Executed {
  /** Commit whose state execution began with; undefined if it could not begin. */
  readonly from: number | undefined;
  readonly to: number;
  readonly transactions: number;
}

async function replay(
  node: StoppedNode,
  config: NodeConfig,
  audit: LogAudit,
  { terminal, stopRequest }: { readonly terminal: Terminal; readonly stopRequest: StopRequest },
): Promise<Executed> {
  const { log } = node.opened;
  const progress = new LogProgress(terminal, 'verifying', log);
  let transactions = 0;
  const replayed = await LogReplay.begin(node, config, ({ applied, checkpoint }) => {
    transactions += applied;
    if (checkpoint !== undefined) audit.executed(checkpoint);
  });
  let isReplaying = replayed !== undefined;
  try {
    await log.scan(log.firstPosition, {
      async record(record) {
        if (stopRequest.isReceived) throw new CliError('INTERRUPTED', 'interrupted: nothing was changed');
        progress.at(record.sequence);
        await audit.record(record);
        if (!isReplaying) return;
        try {
          await replayed?.record(record);
        } catch (error) {
          isReplaying = false;
          audit.problem(`replay ends before record ${record.sequence}: ${errorText(error)}`);
        }
      },
      // The audit has named it; what lies behind it cannot be replayed without it.
      damaged() {
        isReplaying = false;
      },
    });
    await audit.finish();
    return { from: replayed?.from, to: replayed?.lastCommit ?? 0, transactions };
  } finally {
    await replayed?.end();
  }
}

function report(node: StoppedNode, audit: LogAudit, executed: Executed, terminal: Terminal): void {
  const { counts, problems } = audit;
  const { from, to, transactions } = executed;
  const { bytes: unsyncedTailBytes } = node.opened.tail;
  terminal.result(
    { ...counts, executedFrom: from ?? null, executedTo: to, transactions, unsyncedTailBytes, problems },
    [
      ...columns([
        ['blocks', `${counts.blocks}, signatures verified`],
        ['commits', `${counts.commits}, chained`],
        ['certificates', `${counts.certificates}, signatures of a quorum verified`],
        [
          'executed',
          from === undefined
            ? 'nothing: the log begins later and there is no snapshot'
            : `commits ${from + 1} to ${to}, ${transactions} transactions`,
        ],
        ['state roots', `equal at ${counts.comparedCheckpoints} certified checkpoints`],
        ...(unsyncedTailBytes > 0
          ? [['unsynced tail', `${unsyncedTailBytes} bytes, cut at the next start`] as const]
          : []),
      ]),
      ...problems.map((problem) => `problem: ${problem}`),
    ],
  );
  if (counts.problems === 0) return;
  const message = `${counts.problems} problems, the first: ${problems[0]}`;
  throw new CliError('VERIFICATION_FAILED', message, { problems: counts.problems });
}
