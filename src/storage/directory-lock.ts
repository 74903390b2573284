import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { DiskLock } from '../util/disk.ts';

/**
 * Locks a folder against a second process. The kernel must drop the lock however the process ends, `kill -9` included, so a file that
 * merely exists will not do, and Node has no call for file locks. On Linux the lock is an abstract socket named by the folder's device and
 * inode; where `open` itself can lock (macOS, BSD) it is a locked file. docs/decisions/0041 has the reasons and the limit.
 *
 * @returns nothing if another process, or this one, holds the lock
 */
export function lockDirectory(directory: string): Promise<DiskLock | undefined> {
  return process.platform === 'linux' ? lockBySocket(directory) : lockByOpening(directory);
}

async function lockBySocket(directory: string): Promise<DiskLock | undefined> {
  const { dev, ino } = await stat(directory, { bigint: true });
  const server = createServer((stranger) => stranger.destroy());
  try {
    await listen(server, `\0av10-lock-${dev}-${ino}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** `fcntl.h` of macOS and the BSDs; Linux has no such flag. */
const O_EXLOCK = 0x20;

async function lockByOpening(directory: string): Promise<DiskLock | undefined> {
  const { O_CREAT, O_NONBLOCK, O_RDWR } = constants;
  try {
    const handle = await open(join(directory, '.lock'), O_RDWR | O_CREAT | O_NONBLOCK | O_EXLOCK, 0o600);
    return { release: () => handle.close() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return undefined;
    throw error;
  }
}
