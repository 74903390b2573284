import assert from 'node:assert/strict';
import type { TransactionId } from '../../src/types/ids.ts';
import { Cluster, type ClusterOptions } from '../support/cluster.ts';

/** A network past its first seconds: linked, leases granted. */
export async function started(options: ClusterOptions): Promise<Cluster> {
  const cluster = new Cluster(options);
  await cluster.startAll();
  await cluster.run(3_000);
  return cluster;
}

/** Submits `count` transfers to each of `nodes`, one sender a node, `everyMs` apart. */
export async function load(
  cluster: Cluster,
  nodes: readonly number[],
  count: number,
  everyMs: number,
): Promise<TransactionId[]> {
  const ids: TransactionId[] = [];
  for (let i = 0; i < count; i++) {
    for (const node of nodes) {
      const tx = cluster.transfer(node);
      const [submission] = await cluster.validator(node).submit([tx], 'test');
      assert.equal(submission?.status, 'accepted', JSON.stringify(submission));
      ids.push(tx.id);
    }
    await cluster.run(everyMs);
  }
  return ids;
}

/** Every running validator reports every transaction final within the limit. */
export function finalEverywhere(cluster: Cluster, ids: readonly TransactionId[], limitMs: number): Promise<boolean> {
  const running = cluster.nodes.filter((node) => node.validator !== undefined);
  const isFinal = (node: (typeof running)[number], id: TransactionId): boolean => {
    const level = node.validator?.transaction(id)?.level;
    return level === 'final' || level === 'certified';
  };
  return cluster.runUntil(() => running.every((node) => ids.every((id) => isFinal(node, id))), limitMs);
}
