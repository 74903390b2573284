/** Planted faults must fit the source: one that no longer applies tests nothing. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { printViolations, type Violation } from './violation.ts';

const FOLDER = 'test/simulation/planted';

/** The patches of `folder` that do not apply to the tree at `root`. Throws if there is no patch. */
export function checkPlanted(root: string, folder = FOLDER): Violation[] {
  const patches = readdirSync(join(root, folder)).filter((file) => file.endsWith('.patch'));
  if (patches.length === 0) throw new Error(`no patch in ${folder}: nothing was checked`);
  return patches.sort().flatMap((file) => {
    const path = `${folder}/${file}`;
    const { status, stderr } = spawnSync('git', ['apply', '--check', path], { cwd: root, encoding: 'utf8' });
    if (status === 0) return [];
    const message = `no longer applies: plant the same fault in today's source (${(stderr ?? '').trim()})`;
    return [{ path, line: 1, rule: 'planted', message }];
  });
}

if (import.meta.main) {
  process.exitCode = printViolations('planted faults', checkPlanted(resolve(import.meta.dirname, '..')));
}
