import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeBackend } from '../../crypto/native.ts';
import { NativeLedger } from '../../execution/index.ts';
import { readArchiveAddress } from '../../node/archive.ts';
import type { NodeConfig } from '../../node/config.ts';
import { readGenesisFiles } from '../../node/genesis-files.ts';
import { ledgerOptionsOf } from '../../node/restart-setup.ts';
import { type ArchiveLevel, ArchiveReader } from '../../storage/mongo/index.ts';
import type { CommitIndex } from '../../types/ids.ts';
import { CliError } from '../errors.ts';
import type { StopRequest } from '../stop-request.ts';
import { columns, type JsonValue, type Terminal } from '../terminal.ts';
import { ArchiveAudit, type ArchiveProblem, type AuditEvents } from './archive-audit.ts';

/** What the end of a pass is told by. */
export interface PassTools {
  readonly terminal: Terminal;
  readonly stopRequest: StopRequest;
}

/** All of the archive, or the commits that its newest certificate covers. */
export type PassExtent = 'everything' | 'certified';

export interface ArchivePass {
  readonly audit: ArchiveAudit;
  readonly level: ArchiveLevel;
  /** Where the level is known from: a database whose identity somebody changed claims less than it held. */
  readonly levelFrom: 'configuration' | 'database';
  /** The archive says that it has so many commits. */
  readonly height: CommitIndex;
}

/**
 * One pass over the archive that a configuration names, on a ledger of its own that is thrown away. The level that the database claims must be the
 * configured one, if one is configured.
 * @throws NodeError CONFIG_INVALID, GENESIS_FILES; ArchiveError; CliError INTERRUPTED
 */
export async function auditArchive(
  config: NodeConfig,
  extent: PassExtent,
  { terminal, stopRequest }: PassTools,
  events: (audit: () => ArchiveAudit) => Omit<AuditEvents, 'at'>,
): Promise<ArchivePass> {
  const backend = nativeBackend();
  const address = await readArchiveAddress(config);
  const files = await readGenesisFiles(backend.hasher, config.genesisFile);
  const scratch = await mkdtemp(join(tmpdir(), 'av10-archive-'));
  try {
    const { networkId } = files.genesis;
    const expectedLevel = config.archiveLevel === 'off' ? undefined : config.archiveLevel;
    const reader = await ArchiveReader.open(address, { networkId, level: expectedLevel });
    const options = ledgerOptionsOf(config, files, backend.hasher);
    const ledger = new NativeLedger({ ...options, keyFile: join(scratch, 'keys.bin') });
    try {
      const { level, cursor } = reader;
      let last = cursor.height;
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
      if (extent === 'everything') await audit.run();
      else {
        last = await audit.newestCertified();
        await audit.runTo(last);
      }
      const levelFrom = expectedLevel === undefined ? 'database' : 'configuration';
      return { audit, level, levelFrom, height: cursor.height };
    } finally {
      ledger.close();
      await reader.close();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

export function auditValue({ audit, level, levelFrom, height }: ArchivePass): Readonly<Record<string, JsonValue>> {
  const { counts, findings, beyond, unjudged, comparedCheckpoints, certifiedCommit, brokenAt, lastStatement } = audit;
  return {
    level,
    levelFrom,
    height,
    ...counts,
    ...findings,
    beyond,
    unjudged,
    comparedCheckpoints,
    certifiedCommit,
    brokenAt: brokenAt ?? null,
    checkpoint: lastStatement?.index ?? null,
    accountsRoot: lastStatement?.accountsRoot ?? null,
    problems: audit.problems.map((problem) => ({ ...problem })),
  };
}

export function auditLines({ audit, level, levelFrom, height }: ArchivePass): string[] {
  const { counts, beyond, unjudged, comparedCheckpoints, certifiedCommit, brokenAt } = audit;
  const { commits, dagBlocks, transactions, transfers, certificates, evidence } = counts;
  return [
    ...columns([
      [
        'level',
        levelFrom === 'configuration' ? level : `${level}, which the database says: name it with --archive-level`,
      ],
      [
        'commits',
        `${commits}, chained${brokenAt === undefined ? ' and executed' : `; executed up to ${brokenAt - 1}`}`,
      ],
      ['DAG blocks', `${dagBlocks}, hashes and signatures computed again`],
      ['transactions', `${transactions}, transfers ${transfers}, outcomes computed again`],
      ['certificates', `${certificates}, ${comparedCheckpoints} of states that execution came to as well`],
      ['certified', `up to commit ${certifiedCommit} of ${height}`],
      ...(evidence > 0 ? [['evidence', `${evidence}`] as const] : []),
      ...(beyond > 0
        ? [['newer', `${beyond} documents above commit ${height}, being written or left over: not looked at`] as const]
        : []),
      ...(unjudged > 0 ? [['unjudged', `${unjudged} documents behind commit ${brokenAt}`] as const] : []),
    ]),
    ...audit.problems.map(problemLine),
  ];
}

export function problemLine({ finding, collection, id, detail }: ArchiveProblem): string {
  return `${finding}: ${collection} ${id} (${detail})`;
}
