import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nativeBackend } from '../../crypto/native.ts';
import { PrometheusInstruments } from '../../metrics/index.ts';
import type { NodeConfig } from '../../node/config.ts';
import { CHAIN_STATE, diskPath, LOG_FOLDER, lockDataFolder } from '../../node/restart-setup.ts';
import { SYSTEM_CLOCK, SYSTEM_RANDOM } from '../../node/system.ts';
import {
  BlockLog,
  DEFAULT_BLOCK_LOG_OPTIONS,
  NodeDisk,
  type StorageModules,
  storageMetrics,
} from '../../storage/index.ts';
import type { ArchivedCommit } from '../../storage/mongo/index.ts';
import { encodeCertificate } from '../../types/certificate.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import { CliError } from '../errors.ts';
import { exists } from '../files.ts';
import type { ArchiveAudit } from '../offline/archive-audit.ts';
import { type ArchivePass, auditArchive, auditLines, auditValue, problemLine } from '../offline/archive-pass.ts';
import { StopRequest } from '../stop-request.ts';
import type { Terminal } from '../terminal.ts';

/** Becomes the log in one step, when all of it was checked and is durable. */
const UNFINISHED = 'restore';
/** Appended and not yet durable. */
const FLUSH_BYTES = 16 * 1024 * 1024;
const NEXT =
  'start it with --recover-identity: this validator may have signed what the archive does not know, and asks the others';

/**
 * `av10 restore --from-archive`: rebuilds the block log of a validator from a MongoDB archive, up to the commit of the newest certificate there. Every commit
 * up to that one is executed on the way, and nothing is left behind unless the state is the one that a quorum certified. Later commits of the archive are
 * not looked at: nothing says that the network decided them so, and the peers have them.
 * @throws ArchiveError; CliError FILE_EXISTS, VERIFICATION_FAILED, INTERRUPTED; NodeError ALREADY_RUNNING
 */
export async function runRestore(flags: ConfigFlags, terminal: Terminal): Promise<undefined> {
  const { config } = await readConfig(flags);
  await refuseState(config);
  const disk = new NodeDisk('/');
  await disk.makeDirectory(diskPath(config.dataDir));
  const lock = await lockDataFolder(disk, config);
  const stopRequest = new StopRequest();
  const unfinished = join(config.dataDir, `${LOG_FOLDER}.${UNFINISHED}`);
  try {
    await rm(unfinished, { recursive: true, force: true });
    const pass = await rebuild(config, disk, unfinished, { terminal, stopRequest });
    await disk.rename(diskPath(unfinished), diskPath(config.dataDir, LOG_FOLDER));
    await disk.syncDirectory(diskPath(config.dataDir));
    const leftOut = pass.height - pass.audit.certifiedCommit;
    const line = `${leftOut} later commits of the archive left out, which no certificate covers`;
    terminal.result({ ...auditValue(pass), leftOut }, [...auditLines(pass), ...(leftOut > 0 ? [line] : [])]);
    terminal.note(NEXT);
  } finally {
    stopRequest.dispose();
    await rm(unfinished, { recursive: true, force: true });
    await lock.release();
  }
}

async function rebuild(
  config: NodeConfig,
  disk: NodeDisk,
  folder: string,
  tools: { readonly terminal: Terminal; readonly stopRequest: StopRequest },
): Promise<ArchivePass> {
  const modules: StorageModules = {
    disk,
    hasher: nativeBackend().hasher,
    random: SYSTEM_RANDOM,
    clock: SYSTEM_CLOCK,
    metrics: storageMetrics(new PrometheusInstruments()),
  };
  const log = await BlockLog.create({ ...DEFAULT_BLOCK_LOG_OPTIONS, directory: diskPath(folder) }, modules);
  try {
    const pass = await auditArchive(config, 'certified', tools, (current) => ({
      async commit(archived) {
        refuseProblems(current());
        append(log, archived);
        if (log.pendingBytes > FLUSH_BYTES) await log.flush();
      },
      async certificate(certificate) {
        log.append({ type: 'certificate', bytes: encodeCertificate(certificate) });
      },
    }));
    const { audit } = pass;
    refuseProblems(audit);
    if (audit.certifiedCommit === 0 || audit.certifiedCommit !== audit.counts.commits) {
      const message =
        'the archive holds no certificate of a state that it comes to: nothing says that it is the right one';
      throw new CliError('VERIFICATION_FAILED', message, { problems: 1 });
    }
    return pass;
  } finally {
    await log.close();
  }
}

/** As a commit that was taken over from peers. */
function append(log: BlockLog, { commit, gcRound, blocks }: ArchivedCommit): void {
  const blockPositions = blocks.map(({ header, payload }) =>
    log.append({ type: 'admitted-block', header: header.bytes, signature: header.signature, payload }),
  );
  log.append({ type: 'commit', source: 'synced', commit, gcRoundAfter: gcRound, blockPositions });
}

function refuseProblems(audit: ArchiveAudit): void {
  const [first] = audit.problems;
  if (first === undefined) return;
  const message = `the archive is not sound: ${problemLine(first)}; av10 archive verify lists everything`;
  throw new CliError('VERIFICATION_FAILED', message, { problems: audit.found });
}

async function refuseState({ dataDir }: NodeConfig): Promise<void> {
  for (const name of CHAIN_STATE) {
    const path = join(dataDir, name);
    if (!(await exists(path))) continue;
    throw new CliError('FILE_EXISTS', `${path} is there: move the data folder away, or call av10 reset`, { path });
  }
}
