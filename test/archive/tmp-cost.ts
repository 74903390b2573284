import { fork } from 'node:child_process';
import { once } from 'node:events';
import { ArchiveDatabase } from '../../src/storage/mongo/database.ts';
import { documentsOf, itemsOf } from '../../src/storage/mongo/documents.ts';
import { commitDigest } from '../../src/types/commit.ts';
import { id } from '../../src/types/ids.ts';
import { hasher } from '../unit/storage/fixture.ts';
import { batch, blockOf, NETWORK, receiptOf } from '../unit/storage/mongo/fixture.ts';
import { ScriptedMongo } from '../support/scripted-mongo.ts';
if (process.argv[2] === 'server') {
  const s = await ScriptedMongo.start((c) => {
    s?.commands.splice(0);
    if ('hello' in c || 'ismaster' in c || 'isMaster' in c) return { ok: 1, isWritablePrimary: true, minWireVersion: 0, maxWireVersion: 25, maxBsonObjectSize: 16777216, maxMessageSizeBytes: 48000000, maxWriteBatchSize: 100000, logicalSessionTimeoutMinutes: 30 };
    if ('find' in c) return { ok: 1, cursor: { id: 0n, ns: 'a.s', firstBatch: (c as any).filter?._id === 'network' ? [{ _id: 'network', version: 1, networkId: NETWORK, level: process.argv[3] }] : [] } };
    if ('insert' in c) return { ok: 1, n: (c as any).documents.length };
    return { ok: 1, n: 1, nModified: 1 };
  });
  process.send?.(s.uri);
} else {
  for (const level of ['blocks', 'batches', 'transfers'] as const) {
    const child = fork(import.meta.filename, ['server', level]);
    const [uri] = await once(child, 'message');
    const db = await ArchiveDatabase.open({ uri, database: 'c' }, { networkId: NETWORK, level, genesis: new Uint8Array(2) });
    const amounts = Array<bigint>(8192).fill(1n);
    const work = [];
    for (let i = 0; i < 31; i++) {
      const txs = [0, 1, 2, 3].map((k) => batch(i * 4 + k, amounts));
      const blocks = [blockOf(0, i + 1, txs)];
      const refs = blocks.map((b) => b.header.ref);
      const content = { index: i + 1, epoch: 1, leader: refs[0]!, timeMs: 5, previousDigest: id<any>(NETWORK), refs };
      const archived = { commit: { ...content, digest: commitDigest(hasher, content) }, gcRound: 0, blocks: blocks.map((b) => ({ header: b.header, payload: b.payload.slice() })) };
      const receipts = new Map(itemsOf(hasher, archived).map((it, k) => [it.id as string, receiptOf(txs[k]!, it.id, i + 1)]));
      archived.blocks = archived.blocks.map((b) => ({ ...b, payload: b.payload.slice() }));
      work.push({ archived, receipts });
    }
    const before = process.threadCpuUsage(); const t = performance.now();
    let docs = 0, bytes = 0;
    for (const { archived, receipts } of work) { const w = await db.write([documentsOf(hasher, archived as any, level, receipts)]); docs += w.documents; bytes += w.bytes; }
    const u = process.threadCpuUsage(before);
    const millions = (31 * 4 * 8192) / 1e6;
    console.log(level, 'cpu s per million', ((u.user + u.system) / 1e6 / millions).toFixed(2), 'docs', Math.round(docs / millions), 'bytes KiB', Math.round(bytes / 1024 / millions), 'wall', Math.round(performance.now() - t), 'rss', Math.round(process.memoryUsage().rss / 1e6));
    await db.close(); child.kill();
  }
}
