import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { nativeBackend } from '../../crypto/native.ts';
import type { CommitIndex } from '../../types/ids.ts';
import { assertDefined } from '../../util/assert.ts';
import type { Logger } from '../../util/logger.ts';
import { NodeDisk } from '../node-disk.ts';
import { type ArchiveProgress, Archiver, type ArchiveSource, type LogPlace } from './archiver.ts';
import { ArchiveDatabase } from './database.ts';
import { LogFollower } from './log-follower.ts';
import type { ArchiveThreadData, FromArchiveThread, ToArchiveThread } from './messages.ts';
import { IndexFile } from './receipt-source.ts';

/** The thread that archives: all is read, made, encoded and sent here, and the main thread only says where a commit lies. */

const port = assertDefined(parentPort, 'this module runs in a worker thread');
const { address, level, networkId, genesis, directory, receipts: receiptFolder } = workerData as ArchiveThreadData;

class Node implements ArchiveSource {
  readonly #port: MessagePort;
  #progress: ArchiveProgress = { durable: 0, final: 0, receiptsFrom: 1, receiptsThrough: 0 };
  #changed = Promise.withResolvers<void>();
  #place = Promise.withResolvers<LogPlace>();
  readonly #stopping = Promise.withResolvers<void>();

  constructor(messages: MessagePort, stop: () => void) {
    this.#port = messages;
    messages.on('message', (message: ToArchiveThread) => {
      if (message.type === 'stop') {
        stop();
        this.#stopping.resolve();
      } else if (message.type === 'progress') this.#progress = message.progress;
      else this.#place.resolve(message.place);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  progress(): ArchiveProgress {
    return this.#progress;
  }

  changed(): Promise<void> {
    return this.#changed.promise;
  }

  async pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const passed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([passed, this.#stopping.promise]);
    clearTimeout(timer);
  }

  place(commit: CommitIndex): Promise<LogPlace> {
    this.#place = Promise.withResolvers();
    this.#port.postMessage({ type: 'ask-place', commit } satisfies FromArchiveThread);
    return this.#place.promise;
  }
}

const { hasher } = nativeBackend();
const follower = new LogFollower(directory, { disk: new NodeDisk('/'), hasher });
const receipts = new IndexFile(receiptFolder);
const archiver = new Archiver(level, {
  hasher,
  follower,
  receipts,
  source: new Node(port, () => archiver.stop()),
  logger: portLogger(port),
  open: () => ArchiveDatabase.open(address, { networkId, level, genesis }),
  report: (report) => {
    const { user, system } = process.threadCpuUsage();
    port.postMessage({
      type: 'report',
      report: { ...report, cpuSeconds: (user + system) / 1e6 },
    } satisfies FromArchiveThread);
  },
});
await archiver.run();
await follower.close();
receipts.close();
port.close();

function portLogger(messages: MessagePort): Logger {
  const line =
    (severity: Extract<FromArchiveThread, { type: 'log' }>['level']): Logger['info'] =>
    (message, fields = {}) =>
      messages.postMessage({ type: 'log', level: severity, message, fields } satisfies FromArchiveThread);
  const logger: Logger = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: () => logger,
  };
  return logger;
}
