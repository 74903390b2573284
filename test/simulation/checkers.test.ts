import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertDefined } from '../../src/util/assert.ts';
import { Cluster } from '../support/cluster.ts';
import { Puppet } from '../support/puppet.ts';
import { Checkers } from './checkers.ts';
import { finalEverywhere, load } from './steps.ts';

const FOUR = [1, 1, 1, 1];
const FAULTY = 3;

test('a run in which nothing is wrong passes', async () => {
  const { checkers } = await honestRun();
  assert(checkers.check() > 0);
  checkers.assertEvidence();
});

test('an honest peer that is blamed is found', async () => {
  const { cluster, checkers } = await honestRun();
  cluster.node(1).complaints.push('peer broke a rule {"peer":2,"fault":"BAD_SIGNATURE"}');
  assert.throws(() => checkers.check(), /node 1 blames an honest peer: .*"peer":2/);
});

test('an honest author that is accused of equivocation is found', async () => {
  const { cluster, checkers } = await honestRun();
  cluster.node(1).complaints.push('equivocation {"author":0,"round":7}');
  assert.throws(() => checkers.check(), /node 1 accuses the honest: .*"author":0/);
});

test('a coin that came from nowhere is found', async () => {
  const { cluster, checkers } = await honestRun();
  const validator = cluster.validator(2);
  const account = validator.account.bind(validator);
  validator.account = (key) => {
    const { commit, value } = account(key);
    const state = assertDefined(value, 'account of genesis');
    return { commit, value: { ...state, balances: [{ asset: 0, amount: 1_000_001n }] } };
  };
  assert.throws(() => checkers.check(), /the accounts of node 2 hold 16000016, not 16000000/);
});

test('a read that goes back within one life is found; after a restart it may', async () => {
  const { cluster, checkers } = await honestRun();
  checkers.check();
  cluster.wipe(1);
  cluster.network.partition([1]);
  await cluster.start(1, true);
  checkers.check();
  cluster.node(1).boot -= 1;
  assert.throws(() => checkers.check(), /node 1 answers from an older commit than before/);
});

test('two blocks of one round, shown to two members, are known to all; a member that does not know is found', async () => {
  const cluster = new Cluster({ powers: FOUR, seed: 32 });
  await cluster.startAll();
  cluster.crash(FAULTY, 'killed');
  const puppet = new Puppet(cluster, FAULTY);
  puppet.answersFetches = true;
  await puppet.start();
  const checkers = new Checkers(cluster, [FAULTY]);
  await load(cluster, [0, 1, 2], 2, 2_000);
  checkers.check();
  const round = puppet.quorumRound + 1;
  puppet.show(await puppet.block(round), [0]);
  puppet.show(await puppet.block(round, { executedCommit: 1 }), [1]);
  await load(cluster, [0, 1, 2], 2, 50);
  checkers.check();
  checkers.assertEvidence();
  Object.defineProperty(cluster.validator(2).replica, 'evidence', { value: [] });
  assert.throws(() => checkers.assertEvidence(), /node 2 holds no evidence against 3/);
});

async function honestRun(): Promise<{ readonly cluster: Cluster; readonly checkers: Checkers }> {
  const cluster = new Cluster({ powers: FOUR, seed: 31 });
  await cluster.startAll();
  await cluster.run(2_000);
  const ids = await load(cluster, [0, 1, 2, 3], 2, 50);
  assert(await finalEverywhere(cluster, ids, 5_000));
  return { cluster, checkers: new Checkers(cluster) };
}
