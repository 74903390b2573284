import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BlockRef, Header } from '../../src/types/block.ts';
import { type BlockId, id } from '../../src/types/ids.ts';
import type { Message } from '../../src/types/message.ts';
import { Cluster } from '../support/cluster.ts';
import { Puppet } from '../support/puppet.ts';
import { finalEverywhere, load } from './steps.ts';

const FOUR = [1, 1, 1, 1];
const UNKNOWN = id<BlockId>('ab'.repeat(32));

interface Attack {
  readonly name: string;
  /** What the victim says of it. Undefined: nothing, it is ignored. */
  readonly fault: string | undefined;
  run(puppet: Puppet): Promise<void>;
}

/** Headers that break a rule of docs/spec/block.md, each made from a sound one. */
const WRONG_HEADERS: readonly { readonly name: string; changes(sound: Header): Partial<Header> }[] = [
  { name: 'a block of an author that is no member', changes: () => ({ author: 9 }) },
  {
    name: 'a block that names a block of no member',
    changes: ({ ancestors }) => ({ ancestors: [...ancestors, { ...(ancestors[1] as BlockRef), author: 9 }] }),
  },
  {
    name: 'a block that names one author twice in place of a quorum',
    // Its own block is of an older round: without the second reference to the first author the power is two of four.
    changes: ({ ancestors: [own, first, second] }) => ({ ancestors: [own, first, first, second] as BlockRef[] }),
  },
  {
    name: 'a block that begins with the block of another',
    changes: ({ ancestors: [own, ...others] }) => ({ ancestors: [...others, own as BlockRef] }),
  },
  {
    name: 'a block that names its own round',
    changes: ({ ancestors, round }) => ({
      ancestors: ancestors.map((ref, i) => (i === ancestors.length - 1 ? { ...ref, round } : ref)),
    }),
  },
];

/** All against validator 0. */
const ATTACKS: readonly Attack[] = [
  {
    name: 'bytes that are no message',
    fault: 'MALFORMED_FRAME',
    run: async (puppet) => puppet.sendBytes(0, 'consensus', Uint8Array.of(250, 1, 2, 3)),
  },
  {
    name: 'a truncated block',
    fault: 'MALFORMED_FRAME',
    run: async (puppet) => puppet.sendBytes(0, 'consensus', Uint8Array.of(6, 0, 0)),
  },
  { name: 'a second hello', fault: 'UNEXPECTED_MESSAGE', run: async (puppet) => puppet.linkUp(0) },
  {
    name: 'a block with a bad signature',
    fault: 'BAD_SIGNATURE',
    run: async (puppet) => {
      const block = await puppet.block(puppet.quorumRound + 1);
      puppet.send(0, {
        type: 'block',
        block: { ...block, header: { ...block.header, signature: block.header.signature.map((byte) => byte ^ 1) } },
      });
    },
  },
  {
    name: 'a block with another payload than its header says',
    fault: 'BAD_PAYLOAD',
    run: async (puppet) => {
      const round = puppet.quorumRound + 1;
      const { digest } = (await puppet.block(round)).header.payload;
      const block = await puppet.block(round, { payload: { digest, bytes: 5, txCount: 0 } });
      puppet.send(0, { type: 'block', block: { ...block, payload: new Uint8Array(5) } });
    },
  },
  {
    name: 'a block without a quorum of ancestors',
    fault: 'INVALID_BLOCK',
    run: async (puppet) => {
      const { header } = await puppet.block(puppet.quorumRound + 1);
      puppet.send(0, {
        type: 'block',
        block: await puppet.block(header.round, { ancestors: header.ancestors.slice(0, 2) }),
      });
    },
  },
  ...WRONG_HEADERS.map(
    ({ name, changes }): Attack => ({
      name,
      fault: 'INVALID_BLOCK',
      run: async (puppet) => {
        const { header } = await puppet.block(puppet.quorumRound + 1);
        puppet.send(0, { type: 'block', block: await puppet.block(header.round, changes(header)) });
      },
    }),
  ),
  {
    name: 'a block of the epoch before',
    fault: undefined,
    run: async (puppet) =>
      puppet.send(0, { type: 'block', block: await puppet.block(puppet.quorumRound + 1, { epoch: 0 }) }),
  },
  {
    name: 'another block than the one asked for',
    fault: 'UNREQUESTED_BLOCK',
    run: async (puppet) => {
      const round = puppet.quorumRound + 2;
      const named = await puppet.block(round - 1);
      const other = await puppet.block(round - 1, { executedCommit: 1 });
      const quorum = [1, 2].map((author) => ({ round: round - 1, author, id: UNKNOWN }));
      puppet.onMessage = (peer, message) => {
        if (message.type === 'fetch')
          puppet.send(peer, { type: 'fetch-reply', requestId: message.requestId, blocks: [other] });
      };
      puppet.send(0, { type: 'block', block: await puppet.block(round, { ancestors: [named.header.ref, ...quorum] }) });
    },
  },
  {
    name: 'a certificate that nobody signed',
    fault: 'FALSE_CERTIFICATE',
    run: async (puppet) => {
      puppet.onMessage = (peer, message) => {
        if (message.type === 'certificate')
          puppet.send(peer, {
            type: 'certificate-reply',
            requestId: message.requestId,
            certificate: new Uint8Array(100),
          });
      };
      puppet.send(0, farAhead());
    },
  },
  {
    name: 'evidence that proves nothing',
    fault: 'BAD_SIGNATURE',
    run: async (puppet) => puppet.send(0, await falseEvidence(puppet)),
  },
  {
    name: 'a block of a far round',
    fault: undefined,
    run: async (puppet) => {
      const ancestors = [3, 0, 1].map((author) => ({ round: 999_999, author, id: UNKNOWN }));
      for (let i = 0; i < 100; i++)
        puppet.send(0, { type: 'block', block: await puppet.block(1_000_000, { ancestors, timestampMs: i }) });
    },
  },
  {
    name: 'a flood of exchanges that ask for everything',
    fault: undefined,
    run: async (puppet) => {
      for (let i = 0; i < 500; i++)
        puppet.send(0, { ...farAhead(), state: { ...farAhead().state, commitIndex: 0, certificateIndex: 0 } });
    },
  },
  {
    name: 'answers that nobody asked for',
    fault: undefined,
    run: async (puppet) => puppet.send(0, { type: 'fetch-reply', requestId: 7, blocks: [await puppet.block(1)] }),
  },
];

for (const { name, fault, run } of ATTACKS) {
  test(`${name}: ${fault ?? 'ignored'}, and nobody else is affected`, async () => {
    const { cluster, puppet } = await withPuppet(21);
    await run(puppet);
    const ids = await load(cluster, [0, 1, 2], 5, 100);
    assert.ok(await finalEverywhere(cluster, ids, 10_000), 'commits go on');
    const blamed = cluster.node(0).complaints.filter((line) => line.startsWith('peer broke a rule'));
    if (fault === undefined) assert.deepEqual(blamed, []);
    else assert.match(blamed[0] ?? 'nobody blamed', new RegExp(`"peer":3,"fault":"${fault}"`));
    for (const other of [1, 2])
      assert.deepEqual(
        cluster.node(other).complaints.filter((line) => line.startsWith('peer broke a rule')),
        [],
      );
    assert.ok(cluster.validator(0).replica.core.suspended.count < 10);
    cluster.assertAgreement();
  });
}

test('a member that makes two blocks a round: everybody learns it, nobody halts, and a restart replays the same history', async () => {
  const { cluster, puppet } = await withPuppet(22);
  const twins = new Set<number>();
  for (let step = 0; step < 60; step++) {
    const round = puppet.quorumRound + 1;
    if (!twins.has(round) && round > 1) {
      twins.add(round);
      const [first, second] = [
        await puppet.block(round),
        await puppet.block(round, { timestampMs: cluster.time.wallMs() + 1 }),
      ];
      puppet.send(0, { type: 'block', block: first });
      for (const peer of [1, 2]) puppet.send(peer, { type: 'block', block: second });
      puppet.hear(step % 2 === 0 ? first.header : second.header);
      puppet.onMessage = (peer, message) => {
        if (message.type === 'fetch')
          puppet.send(peer, {
            type: 'fetch-reply',
            requestId: message.requestId,
            blocks: [first, second].filter(({ header }) => message.ids.includes(header.ref.id)),
          });
      };
    }
    await load(cluster, [step % 3], 1, 20);
  }
  assert.ok(twins.size >= 20, `${twins.size} rounds with twins`);
  for (const node of [0, 1, 2])
    assert.equal(cluster.validator(node).replica.evidence[0]?.first.author, 3, `validator ${node} knows`);
  cluster.crash(1, 'power-cut');
  await cluster.start(1);
  const ids = await load(cluster, [0, 2], 5, 50);
  assert.ok(await finalEverywhere(cluster, ids, 20_000));
  assert.ok(cluster.assertAgreement().size > 100);
});

/** Three validators and, in the place of the fourth, a puppet that has heard a few rounds. */
async function withPuppet(seed: number): Promise<{ readonly cluster: Cluster; readonly puppet: Puppet }> {
  const cluster = new Cluster({ powers: FOUR, seed });
  await cluster.startAll();
  cluster.crash(3, 'killed');
  const puppet = new Puppet(cluster, 3);
  await puppet.start();
  await cluster.run(8_000);
  // Its slots are waited for until it has been silent for eight rounds.
  await load(cluster, [0, 1, 2], 12, 400);
  assert.ok(puppet.quorumRound > 8, `${puppet.quorumRound} rounds`);
  return { cluster, puppet };
}

function farAhead(): Extract<Message, { type: 'exchange' }> {
  return {
    type: 'exchange',
    state: {
      lastOwnRound: 0,
      highestRounds: [0, 0, 0, 0],
      gcRound: 0,
      commitIndex: 1_000_000,
      certificateIndex: 1_000_000,
    },
  };
}

async function falseEvidence(puppet: Puppet): Promise<Message> {
  const round = puppet.quorumRound + 1;
  const [first, second] = [await puppet.block(round), await puppet.block(round, { executedCommit: 1 })];
  return { type: 'evidence', first: first.header, second: { ...second.header, signature: first.header.signature } };
}
