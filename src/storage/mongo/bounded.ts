import type { Document } from 'mongodb';

/** What one answer may hold: 32 full blocks of a commit. A reply of the server, with up to 16 MiB, may be in memory beside it. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * All documents, unless there are more or larger ones than there can be: then undefined, and the rest is not read.
 * @throws what `read` throws of the first that is damaged
 */
export async function bounded<T>(
  documents: AsyncIterable<Document>,
  most: number,
  read: (document: Document) => T,
  bytesOf: (value: T) => number = () => 0,
): Promise<T[] | undefined> {
  const found: T[] = [];
  let bytes = 0;
  for await (const document of documents) {
    const value = read(document);
    bytes += bytesOf(value);
    if (found.push(value) > most || bytes > MAX_ANSWER_BYTES) return undefined;
  }
  return found;
}
