import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../util/assert.ts';
import { errorText } from '../util/errors.ts';
import { type ReceiptBatch, ReceiptDatabase } from './receipt-database.ts';

/** A thread of its own: syncs of a slow disk hold up nothing else. */

export interface ReceiptWriterData {
  readonly folder: string;
  readonly retainCommits: number;
}

export type ReceiptWriterRequest = ReceiptBatch | 'close';

export interface ReceiptWriterAnswer {
  /** Why nothing of it was written. */
  readonly failure?: string;
}

const port = parentPort;
assert(port !== null, 'this module runs in a worker thread');
const { folder, retainCommits } = workerData as ReceiptWriterData;
const database = ReceiptDatabase.open(folder);

port.on('message', (request: ReceiptWriterRequest) => {
  if (request === 'close') {
    database.close();
    port.close();
    return;
  }
  port.postMessage(write(request));
});

function write(batch: ReceiptBatch): ReceiptWriterAnswer {
  try {
    database.add(batch, retainCommits);
    return {};
  } catch (error) {
    return { failure: errorText(error) };
  }
}
