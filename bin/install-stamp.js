// The mark of a complete installation: the hash of the lock file it was made from. It lies inside node_modules,
// so that removing or replacing node_modules removes the mark too.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const stampPath = fileURLToPath(new URL('../node_modules/.av10-lock-sha256', import.meta.url));
const lockPath = fileURLToPath(new URL('../package-lock.json', import.meta.url));

export function isInstalled() {
  return existsSync(stampPath) && readFileSync(stampPath, 'utf8') === lockHash();
}

export function writeInstallStamp() {
  if (existsSync(lockPath)) writeFileSync(stampPath, lockHash()); // installed as a dependency there is no lock, and no need
}

function lockHash() {
  return createHash('sha256').update(readFileSync(lockPath)).digest('hex');
}
