import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProtocolParameters } from '../../src/params/protocol-parameters.ts';
import type { BlockRef } from '../../src/types/block.ts';
import type { Round } from '../../src/types/ids.ts';
import { Cluster } from '../support/cluster.ts';
import { Puppet } from '../support/puppet.ts';

const FOUR = [1, 1, 1, 1];
const HONEST = [0, 1] as const;
/** With twice the power that a network of four tolerates. */
const FAULTY = [2, 3] as const;
const ACCOUNT = 5;
/** Rounds take a few milliseconds: many times any depth of collection here. */
const FORKED_MS = 6_000;

interface Setting {
  readonly name: string;
  readonly parameters: Partial<ProtocolParameters>;
  /** All see one first round, so that the first leaders on whom they differ are faulty ones. */
  readonly sharesFirstRound?: true;
}

const SETTINGS: readonly Setting[] = [
  { name: 'everybody leads', parameters: {} },
  { name: 'one leader a round', parameters: { leadersPerRound: 1 } },
  { name: 'the first who leads twice is faulty', parameters: { leadersPerRound: 1 }, sharesFirstRound: true },
  { name: 'the first rounds of the fork are collected when it is seen', parameters: { gcDepth: 5 } },
];

for (const setting of SETTINGS) {
  test(`more than f equivocate and show two members a history each (${setting.name}): nothing prevents the fork; whoever sees both stops and holds the proof`, async () => {
    const cluster = await forked(setting);
    const rivals = HONEST.map((node) => cluster.transfer(ACCOUNT, { nonce: 0, amount: BigInt(node + 1) }));
    for (const [node, rival] of rivals.entries()) await cluster.validator(node).submit([rival], 'test');
    for (let ms = 0; ms < FORKED_MS; ms += 100) {
      for (const node of HONEST) await cluster.validator(node).submit([cluster.transfer(node)], 'test');
      await cluster.run(100);
    }
    for (const [node, { id }] of rivals.entries())
      assert.equal(
        cluster.validator(node).transaction(id)?.level,
        'final',
        'a double spend, which no protocol prevents',
      );
    assert.throws(() => cluster.assertAgreement(), /^Error: commit of node 1/);
    cluster.network.heal();
    assert.ok(await cluster.runUntil(() => HONEST.every((node) => cluster.node(node).halted !== undefined), 10_000));
    for (const node of HONEST) {
      assert.match(cluster.node(node).halted ?? '', /^CONSENSUS_HALT/);
      const { evidence, proposal } = cluster.validator(node).replica;
      assert.deepEqual(evidence.map(({ first }) => first.author).sort(), FAULTY);
      const { alive } = cluster.validator(node).status().readiness;
      assert.equal(alive.ok, false);
      assert.equal(cluster.validator(node).replica.links.maySign() && proposal?.kind === 'propose', false);
    }
  });
}

/** The faulty members answer each block of an honest one with blocks of their own that name only what that one has seen. */
async function forked({ parameters, sharesFirstRound }: Setting): Promise<Cluster> {
  const cluster = new Cluster({ powers: FOUR, seed: 76, parameters: { checkpointSpacingMs: 100, ...parameters } });
  await cluster.startAll();
  for (const member of FAULTY) cluster.crash(member, 'killed');
  const puppets = FAULTY.map((member) => new Puppet(cluster, member));
  for (const puppet of puppets) {
    puppet.answersFetches = true;
    await puppet.start();
  }
  const [listener] = puppets as [Puppet];
  if (sharesFirstRound) await cluster.runUntil(() => listener.heard.get(1)?.size === HONEST.length, 5_000);
  cluster.network.block(0, 1);
  cluster.network.block(1, 0);
  const shared = sharesFirstRound ? await firstRound(puppets) : undefined;
  const histories = HONEST.map((honest) => historyFor(cluster, puppets, honest, shared));
  listener.onMessage = (peer, message) => {
    if (message.type === 'block' && message.block.header.author === peer)
      void histories[peer]?.(message.block.header.ref);
  };
  return cluster;
}

/** The one block that each faulty member shows to all. */
async function firstRound(puppets: readonly Puppet[]): Promise<readonly BlockRef[]> {
  const [{ heard }] = puppets as [Puppet];
  const refs = [...(heard.get(1)?.values() ?? [])];
  for (const puppet of puppets) {
    const block = await puppet.block(1);
    puppet.show(block, HONEST);
    refs.push(block.header.ref);
  }
  return refs;
}

/** @returns what continues the history with a block of the honest member */
function historyFor(
  cluster: Cluster,
  puppets: readonly Puppet[],
  honest: number,
  shared: readonly BlockRef[] | undefined,
): (block: BlockRef) => Promise<void> {
  const rounds = new Map<Round, readonly BlockRef[]>(shared === undefined ? [] : [[1, shared]]);
  return async (block) => {
    if (rounds.has(block.round)) return;
    const refs = [block];
    rounds.set(block.round, refs);
    const timestampMs = cluster.time.wallMs() + honest;
    for (const puppet of puppets) {
      const below = rounds.get(block.round - 1) ?? puppet.ancestors(1);
      const own = below.filter(({ author }) => author === puppet.index);
      const others = below.filter(({ author }) => author !== puppet.index).sort((a, b) => a.author - b.author);
      const answer = await puppet.block(block.round, { ancestors: [...own, ...others], timestampMs });
      refs.push(answer.header.ref);
      puppet.show(answer, [honest]);
    }
  };
}
