// The last step of `npm ci`. npm treats the runtime as optional, so a failed download leaves none and still exits 0:
// everything would then run on the host's Node. This refuses such an installation, and marks a complete one.
import { spawnSync } from 'node:child_process';
import { writeInstallStamp } from './install-stamp.js';
import { findRuntime, MIN_RUNTIME_MAJOR, missingRuntimeMessage } from './runtime.js';

const problem = findProblem();
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}
writeInstallStamp();

function findProblem() {
  const runtime = findRuntime();
  if (runtime === undefined) return missingRuntimeMessage();
  const probe = spawnSync(runtime, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  if (probe.status !== 0) {
    const reason = (probe.error?.message ?? probe.stderr ?? '').trim();
    return reason.includes('libatomic')
      ? 'av10: the packaged runtime needs libatomic; install libatomic1 (apt-get install libatomic1, dnf install libatomic)'
      : `av10: the packaged runtime does not start: ${reason}`;
  }
  const version = probe.stdout.trim();
  if (Number.parseInt(version, 10) < MIN_RUNTIME_MAJOR) {
    return `av10: the packaged runtime is ${version}, but ${MIN_RUNTIME_MAJOR} or newer is needed; run "npm ci" again`;
  }
  return undefined;
}
