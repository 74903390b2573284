import { type ConfigFlags, readConfig } from '../config-options.ts';
import { CliError } from '../errors.ts';
import { auditArchive, auditLines, auditValue, problemLine } from '../offline/archive-pass.ts';
import { StopRequest } from '../stop-request.ts';
import type { Terminal } from '../terminal.ts';

/** No validator is looked at; the name only has to be one. */
const NOBODY = 'archive';

/**
 * `av10 archive verify`: computes everything in a MongoDB archive again from the genesis, and lists every document that is altered, missing or added.
 * Changes nothing; archivers may write meanwhile. The level that the database claims is compared with `--archive-level`, if that is given.
 * @throws ArchiveError ARCHIVE_LEVEL; CliError VERIFICATION_FAILED, INTERRUPTED
 */
export async function runArchiveVerify(flags: ConfigFlags, terminal: Terminal): Promise<undefined> {
  const { config } = await readConfig({ ...flags, nodeId: flags.nodeId ?? NOBODY });
  const stopRequest = new StopRequest();
  try {
    const pass = await auditArchive(config, 'everything', { terminal, stopRequest }, () => ({}));
    const { audit } = pass;
    terminal.result(auditValue(pass), auditLines(pass));
    const [first] = audit.problems;
    if (first === undefined) return;
    const message = `${audit.found} documents are not what they must be, the first: ${problemLine(first)}`;
    throw new CliError('VERIFICATION_FAILED', message, { problems: audit.found });
  } finally {
    stopRequest.dispose();
  }
}
