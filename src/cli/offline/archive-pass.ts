import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeBackend } from '../../crypto/native.ts';
import { NativeLedger } from '../../execution/index.ts';
import { readArchiveAddress } from '../../node/archive.ts';
import type { NodeConfig } from '../../node/config.ts';
import { readGenesisFiles } from '../../node/genesis-files.ts';
import { ledgerOptionsOf } from '../../node/restart-setup.ts';
import { ArchiveReader } from '../../storage/mongo/index.ts';
import { CliError } from '../errors.ts';
import type { StopRequest } from '../stop-request.ts';
import { columns, type JsonValue, type Terminal } from '../terminal.ts';
import { ArchiveAudit, type ArchiveProblem, type AuditEvents } from './archive-audit.ts';

/** What the end of a pass is told by. */
export interface PassTools {
  readonly terminal: Terminal;
  readonly stopRequest: StopRequest;
}

/**
 * One pass over the whole archive that a configuration names, on a ledger of its own that is thrown away.
 * @throws NodeError CONFIG_INVALID, GENESIS_FILES; ArchiveError; CliError INTERRUPTED
 */
export async function auditArchive(
  config: NodeConfig,
  { terminal, stopRequest }: PassTools,
  events: (audit: () => ArchiveAudit) => Omit<AuditEvents, 'at'>,
): Promise<ArchiveAudit> {
  const backend = nativeBackend();
  const address = await readArchiveAddress(config);
  const files = await readGenesisFiles(backend.hasher, config.genesisFile);
  const scratch = await mkdtemp(join(tmpdir(), 'av10-archive-'));
  try {
    const reader = await ArchiveReader.open(address, files.genesis.networkId);
    const options = ledgerOptionsOf(config, files, backend.hasher);
    const ledger = new NativeLedger({ ...options, keyFile: join(scratch, 'keys.bin') });
    try {
      const last = reader.cursor.height;
      const audit: ArchiveAudit = new ArchiveAudit(
        { reader, backend, genesis: files.genesis, ledger },
        {
          ...events(() => audit),
          at(height) {
            if (stopRequest.isReceived) throw new CliError('INTERRUPTED', 'interrupted: nothing was changed');
            terminal.progress(`commit ${height} of ${last}, ${audit.found} documents to report`);
          },
        },
      );
      await audit.run();
      return audit;
    } finally {
      ledger.close();
      await reader.close();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

export function auditValue(audit: ArchiveAudit): Readonly<Record<string, JsonValue>> {
  const { counts, findings, beyond, unjudged, comparedCheckpoints, brokenAt, lastStatement } = audit;
  return {
    ...counts,
    ...findings,
    beyond,
    unjudged,
    comparedCheckpoints,
    brokenAt: brokenAt ?? null,
    checkpoint: lastStatement?.index ?? null,
    accountsRoot: lastStatement?.accountsRoot ?? null,
    problems: audit.problems.map((problem) => ({ ...problem })),
  };
}

export function auditLines(audit: ArchiveAudit): string[] {
  const { counts, beyond, unjudged, comparedCheckpoints, brokenAt } = audit;
  const { commits, dagBlocks, transactions, transfers, certificates, evidence } = counts;
  return [
    ...columns([
      [
        'commits',
        `${commits}, chained${brokenAt === undefined ? ' and executed' : `; executed up to ${brokenAt - 1}`}`,
      ],
      ['DAG blocks', `${dagBlocks}, hashes and signatures computed again`],
      ['transactions', `${transactions}, transfers ${transfers}, outcomes computed again`],
      ['certificates', `${certificates}, ${comparedCheckpoints} of states that execution came to as well`],
      ...(evidence > 0 ? [['evidence', `${evidence}`] as const] : []),
      ...(beyond > 0 ? [['newer', `${beyond} documents that came meanwhile, not looked at`] as const] : []),
      ...(unjudged > 0 ? [['unjudged', `${unjudged} documents behind commit ${brokenAt}`] as const] : []),
    ]),
    ...audit.problems.map(problemLine),
  ];
}

export function problemLine({ finding, collection, id, detail }: ArchiveProblem): string {
  return `${finding}: ${collection} ${id} (${detail})`;
}
