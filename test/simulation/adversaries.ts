import { signatureContext } from '../../src/crypto/domains.ts';
import { channelOf } from '../../src/replica/links.ts';
import type { BlockRef, CheckpointVote, Header } from '../../src/types/block.ts';
import { type BlockId, id, type Round, type StatementDigest } from '../../src/types/ids.ts';
import type { Message, WireBlock } from '../../src/types/message.ts';
import { encodeMessage } from '../../src/types/message-codec.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import { fromHex, toHex } from '../../src/util/bytes.ts';
import type { Prng } from '../../src/util/prng.ts';
import type { Cluster } from '../support/cluster.ts';
import type { Puppet } from '../support/puppet.ts';

const HOUR_MS = 3_600_000;
const LONGEST_PRIVATE_CHAIN = 60;
const FLOOD = 50;
/** How often a round is used for what ends the link: peers keep an offender away for longer each time. */
const OFFENCE = 0.03;
const REPLAYED_MESSAGES = 200;
/** Senders whose transactions are suppressed. */
const VICTIMS = 3;
/** Branches of a tree that go on. */
const OPEN_BRANCHES = 8;

/** What a faulty member acts with. */
export interface Hand {
  readonly cluster: Cluster;
  readonly puppet: Puppet;
  readonly prng: Prng;
  /** Transfers that clients have under way: a faulty member hears of them as any other does. */
  readonly transfers: () => readonly SignedBody[];
}

/** Takes the turn in a round whose round below has a quorum. False: not yet, ask again at the next block. */
type Turn = (round: Round) => Promise<void> | false;
type Behaviour = (hand: Hand) => Turn;

/** Ways in which a member is faulty. */
export const BEHAVIOURS = {
  mute: () => async () => undefined,
  'twins to different peers': twins,
  'a tree of equivocations': tree,
  'withheld from some': withheld,
  'silent in its own slots': (hand) => async (round) => {
    if (!leads(hand, round)) await speak(hand, round);
  },
  'timely once in four': timelyOnceInFour,
  'fast, and never votes': fastNonVoter,
  'stale ancestors': stale,
  'far rounds': farRounds,
  'bad blocks': badBlocks,
  'wrong clock': (hand) => async (round) => {
    const timestampMs = hand.cluster.time.wallMs() + hand.prng.pick([-HOUR_MS, HOUR_MS]);
    await speak(hand, round, { timestampMs });
  },
  'false checkpoint votes': falseVotes,
  replays,
  floods,
  'suppressed victims': suppress,
  'a private chain': privateChain,
} as const satisfies Readonly<Record<string, Behaviour>>;

export type BehaviourName = keyof typeof BEHAVIOURS;

/** From now on the puppet behaves like this, once a round. */
export function behave(name: BehaviourName, hand: Hand): void {
  const turn: Turn = BEHAVIOURS[name](hand);
  const { puppet } = hand;
  // In the next round the behaviour before may have spoken already.
  let taken = puppet.quorumRound + 1;
  puppet.answersFetches = true;
  puppet.onMessage = () => undefined;
  if (name === 'replays') puppet.onMessage = remember(hand);
  puppet.onHeard = () => {
    const round = puppet.quorumRound + 1;
    if (round <= taken) return;
    if (turn(round) !== false) taken = round;
  };
}

/** As an honest member would, but for the changes, and without waiting for anybody. */
async function speak({ puppet }: Hand, round: Round, changes: Partial<Header> = {}): Promise<WireBlock> {
  const block = await puppet.block(round, changes);
  puppet.hear(block.header);
  puppet.show(block);
  return block;
}

function twins({ puppet, prng, cluster }: Hand): Turn {
  return async (round) => {
    const pair = [await puppet.block(round), await puppet.block(round, { timestampMs: cluster.time.wallMs() + 1 })];
    for (const peer of puppet.peers) puppet.show(prng.pick(pair), [peer]);
    puppet.hear(prng.pick(pair).header);
  };
}

/** Two blocks a round, each on a branch of its own, each shown to some. */
function tree({ puppet, prng, cluster }: Hand): Turn {
  let tips: BlockRef[] = [];
  return async (round) => {
    const [own, ...others] = puppet.ancestors(round) as [BlockRef, ...BlockRef[]];
    const parents = tips.length < 2 ? [own, own] : prng.shuffle(tips).slice(0, 2);
    for (const [i, parent] of parents.entries()) {
      const ancestors = [parent, ...others];
      if (!puppet.isQuorum(round, ancestors)) continue;
      const block = await puppet.block(round, { ancestors, timestampMs: cluster.time.wallMs() + i });
      puppet.show(block, some(puppet.peers, prng));
      puppet.hear(block.header);
      tips = [block.header.ref, ...tips].slice(0, OPEN_BRANCHES);
    }
  };
}

function withheld({ puppet, prng }: Hand): Turn {
  return async (round) => {
    puppet.answersFetches = prng.chance(0.7);
    const block = await puppet.block(round);
    puppet.hear(block.header);
    puppet.show(block, some(puppet.peers, prng));
  };
}

function timelyOnceInFour(hand: Hand): Turn {
  const { cluster, prng } = hand;
  return async (round) => {
    if (!leads(hand, round) || prng.chance(0.25)) await speak(hand, round);
    else cluster.time.after(prng.below(3_000), () => void speak(hand, round));
  };
}

/** In every quorum first, and no vote for a leader if a quorum can be had without it. */
function fastNonVoter(hand: Hand): Turn {
  const { puppet, cluster } = hand;
  return (round) => {
    const leaders = cluster.nodes
      .keys()
      .filter((author) => author !== puppet.index && isLeader(cluster, author, round - 1));
    const kept = [...leaders].reduce((refs, leader) => {
      const without = refs.filter(({ author }) => author !== leader);
      return puppet.isQuorum(round, without) ? without : refs;
    }, puppet.ancestors(round));
    return speak(hand, round, { ancestors: kept }).then(() => undefined);
  };
}

/** Old blocks of others instead of new ones, as far as the rules let it, and old blocks of its own. */
function stale(hand: Hand): Turn {
  const { puppet, prng } = hand;
  return async (round) => {
    let refs = puppet.ancestors(round);
    for (const [i, { author }] of refs.entries()) {
      const old = puppet.heard.get(round - 2 - prng.below(30))?.get(author);
      const changed = old === undefined ? refs : refs.with(i, old);
      if (puppet.isQuorum(round, changed)) refs = changed;
    }
    await speak(hand, round, { ancestors: refs });
  };
}

/** Blocks on ancestors that do not exist, within the window of rounds and beyond it. */
function farRounds(hand: Hand): Turn {
  const { puppet, prng } = hand;
  return async (round) => {
    await speak(hand, round);
    const far = round + prng.pick([2, 10, 30, 500, 1_000_000]);
    puppet.show(await invented(hand, far), some(puppet.peers, prng));
  };
}

function badBlocks(hand: Hand): Turn {
  const { puppet, prng } = hand;
  return async (round) => {
    const good = await speak(hand, round);
    if (!prng.chance(OFFENCE)) return;
    const [peer] = prng.shuffle(puppet.peers) as [number];
    puppet.show(await prng.pick(BAD_BLOCKS)(hand, good), [peer]);
  };
}

const BAD_BLOCKS: readonly ((hand: Hand, good: WireBlock) => WireBlock | Promise<WireBlock>)[] = [
  (_hand, good) => ({ ...good, header: { ...good.header, signature: good.header.signature.map((byte) => byte ^ 1) } }),
  async ({ puppet }, { header }) => ({
    ...(await puppet.block(header.round, { payload: { ...header.payload, bytes: 5 } })),
    payload: new Uint8Array(5),
  }),
  ({ puppet }, { header }) => puppet.block(header.round, { ancestors: header.ancestors.slice(0, 2) }),
  ({ puppet }, { header }) => puppet.block(header.round, { ancestors: header.ancestors.toReversed() }),
  ({ puppet, cluster }, { header }) =>
    puppet.block(header.round, { ancestors: authorTwice(header.ancestors, cluster.genesis.committee.quorum) }),
  ({ puppet }, { header }) => puppet.block(header.round, { epoch: 2 }),
  ({ puppet }, { header }) => puppet.block(header.round, { executedCommit: 2 ** 40 }),
  ({ puppet }, { header }) => puppet.block(header.round, { author: puppet.peers[0] as number }),
  otherNetwork,
];

/** No more references than a quorum needs, one of them twice. */
function authorTwice(ancestors: readonly BlockRef[], quorum: number): readonly BlockRef[] {
  const [own, first, ...others] = ancestors;
  return own === undefined || first === undefined ? ancestors : [own, first, first, ...others].slice(0, quorum);
}

/** The genuine block under the signature of a network with another id. */
async function otherNetwork({ cluster, puppet, prng }: Hand, { header, payload }: WireBlock): Promise<WireBlock> {
  const context = signatureContext('block', prng.bytes(fromHex(cluster.genesis.networkId).length));
  return {
    header: { ...header, signature: await cluster.signerOf(puppet.index).sign(context, header.bytes) },
    payload,
  };
}

/** Another state than the true one, or the true one without its signature; for checkpoints that are due, and far ones. */
function falseVotes(hand: Hand): Turn {
  const { cluster, puppet, prng } = hand;
  return async (round) => {
    const running = cluster.nodes.flatMap(({ validator }) => validator ?? []);
    const { checkpoints } = prng.pick(running).replica;
    const due = checkpoints.dueVote;
    const context = signatureContext('ckpt', fromHex(cluster.genesis.networkId));
    const signature = await cluster.signerOf(puppet.index).sign(context, prng.bytes(100));
    const isOther = due === undefined || prng.chance(0.5);
    const checkpointVote: CheckpointVote = {
      statementDigest: isOther ? id<StatementDigest>(toHex(prng.bytes(32))) : due.statementDigest,
      checkpointIndex: checkpoints.certified + prng.pick([1, 1, 1, 2, 15, 1_000]),
      signature,
    };
    await speak(hand, round, { checkpointVote });
  };
}

const remembered = new WeakMap<Puppet, Message[]>();

function remember({ puppet, prng }: Hand): Puppet['onMessage'] {
  const messages: Message[] = [];
  remembered.set(puppet, messages);
  return (_peer, message) => {
    if (message.type === 'hello' || message.type === 'release' || message.type === 'refuse') return;
    if (messages.length < REPLAYED_MESSAGES) messages.push(message);
    else messages[prng.below(REPLAYED_MESSAGES)] = message;
  };
}

/** What it heard, from anybody, again to anybody. */
function replays(hand: Hand): Turn {
  const { puppet, prng } = hand;
  return async (round) => {
    await speak(hand, round);
    const messages = remembered.get(puppet) ?? [];
    if (messages.length > 0) puppet.send(prng.pick(puppet.peers), prng.pick(messages));
  };
}

function floods(hand: Hand): Turn {
  const { puppet, prng, cluster } = hand;
  return async (round) => {
    const own = await speak(hand, round);
    if (!prng.chance(0.1)) return;
    const state = {
      lastOwnRound: 0,
      highestRounds: cluster.nodes.map(() => 0),
      gcRound: 0,
      commitIndex: 0,
      certificateIndex: 0,
    };
    const message = prng.pick<Message>([
      { type: 'exchange', state },
      { type: 'exchange', state: { ...state, commitIndex: 2 ** 40, certificateIndex: 2 ** 40 } },
      { type: 'block', block: own },
      { type: 'block', block: await invented(hand, round + 1_000) },
      { type: 'fetch', requestId: 1, gcRound: 0, highestRounds: state.highestRounds, ids: [own.header.ref.id] },
      { type: 'commits', requestId: 1, from: 1, to: 1_000, withBlocks: true, skipBlocks: 0 },
      { type: 'certificate', requestId: 1, index: 0 },
      { type: 'follow', author: prng.below(cluster.nodes.length) },
      { type: 'recovery', requestId: 1 },
    ]);
    const bytes = encodeMessage(message);
    const peer = prng.pick(puppet.peers);
    for (let i = 0; i < FLOOD; i++) puppet.sendBytes(peer, channelOf(message), bytes);
  };
}

/** Clients' transfers under signatures that do not verify, in every block and at the others' doors: the genuine ones must be executed all the same. */
function suppress({ puppet, prng, transfers, cluster }: Hand): Turn {
  return async (round) => {
    const victims = transfers().slice(0, VICTIMS);
    const garbage = victims.map(({ body, signature }) => ({ body, signature: signature.map((byte) => byte ^ 1) }));
    const block = await puppet.block(round, {}, garbage);
    puppet.hear(block.header);
    puppet.show(block);
    const running = cluster.nodes.flatMap(({ validator }) => validator ?? []);
    if (prng.chance(OFFENCE)) await prng.pick(running).submit(garbage, 'a stranger');
  };
}

/** Nothing for up to 60 rounds, then all of them at once, or only the newest. */
function privateChain({ puppet, prng }: Hand): Turn {
  let chain: WireBlock[] = [];
  let length = 1 + prng.below(LONGEST_PRIVATE_CHAIN);
  return async (round) => {
    const block = await puppet.block(round);
    puppet.hear(block.header);
    chain.push(block);
    if (chain.length < length) return;
    const peers = some(puppet.peers, prng);
    for (const shown of prng.chance(0.5) ? chain : [block]) puppet.show(shown, peers);
    chain = [];
    length = 1 + prng.below(LONGEST_PRIVATE_CHAIN);
  };
}

function invented({ puppet, prng, cluster }: Hand, round: Round): Promise<WireBlock> {
  const others = [...cluster.nodes.keys()].filter((author) => author !== puppet.index);
  const ancestors = [puppet.index, ...others].map((author) => ({
    round: round - 1,
    author,
    id: id<BlockId>(toHex(prng.bytes(32))),
  }));
  return puppet.block(round, { ancestors });
}

function leads({ cluster, puppet }: Hand, round: Round): boolean {
  return isLeader(cluster, puppet.index, round);
}

function isLeader({ genesis: { committee, parameters } }: Cluster, author: number, round: Round): boolean {
  return (author + committee.size - (round % committee.size)) % committee.size < parameters.leadersPerRound;
}

/** At least one. */
function some(peers: readonly number[], prng: Prng): number[] {
  return prng.shuffle(peers).slice(0, 1 + prng.below(peers.length));
}
