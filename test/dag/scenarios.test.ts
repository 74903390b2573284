import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Prng } from '../../src/util/prng.ts';
import { type ModelRules, modelStatuses, soundRules } from './model.ts';
import { assertPrefixes } from './observer.ts';
import { parseScenarios, type Scenario, ScenarioRun } from './scenario.ts';

const FOLDER = new URL('./scenarios/', import.meta.url);
const ORDERS = 12;

const files = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.dag'))
  .sort();
const scenarios = files.map((file) => ({
  file,
  scenarios: parseScenarios(readFileSync(new URL(file, FOLDER), 'utf8')),
}));

for (const { file, scenarios: list } of scenarios) {
  describe(file, () => {
    for (const scenario of list) {
      it(scenario.title, () => {
        const run = new ScenarioRun(scenario);
        assertAnyOrderAgrees(run);
      });
    }
  });
}

describe('a fault planted in the rule breaks a scenario', () => {
  const planted: Record<string, (sound: ModelRules) => Partial<ModelRules>> = {
    'a quorum too small by one': ({ quorum }) => ({ quorum: quorum - 1 }),
    'a quorum too large by one': ({ quorum }) => ({ quorum: quorum + 1 }),
    'blocks counted instead of authors': () => ({ countBlocks: true }),
    'an anchor two rounds on': () => ({ anchorDistance: 2 }),
    'an anchor only four rounds on': () => ({ anchorDistance: 4 }),
    'deciding past an undecided anchor': () => ({ passUndecided: true }),
  };
  const runs = scenarios.flatMap(({ scenarios: list }) => list.map((scenario) => new ScenarioRun(scenario)));

  it('while the sound rule breaks none', () => {
    for (const run of runs) assert.equal(run.lineBrokenBy(soundRules(run.universe.committee)), undefined);
  });

  for (const [name, change] of Object.entries(planted)) {
    it(name, () => {
      const broken = runs.filter((run) => {
        const sound = soundRules(run.universe.committee);
        return run.lineBrokenBy({ ...sound, ...change(sound) }) !== undefined;
      });
      assert(broken.length > 0, 'no scenario noticed');
    });
  }
});

describe('the scenario language', () => {
  const cases: readonly [string, string, RegExp][] = [
    ['a scenario without expectation', '== x\nmembers 4\nall 1', /expects nothing/],
    ['a wrong expectation', '== x\nmembers 4\nall 1..3\nexpect 1.0 direct-skip', /line 4/],
    ['a wrong leader', '== x\nmembers 4\nall 1..3\nexpect 1.0 direct-commit C1', /line 4/],
    ['a wrong list of commits', '== x\nmembers 4\nall 1..3\ncommits C1', /line 4/],
    ['an unknown statement', '== x\nmembers 4\nfrobnicate', /line 3/],
    ['a block without a quorum of ancestors', '== x\nmembers 4\nall 1\nA2 <- A1 B1\ncommits none', /line 4/],
  ];
  for (const [name, text, message] of cases) {
    it(`refuses ${name}`, () => {
      assert.throws(() => new ScenarioRun(parseScenarios(text)[0] as Scenario), message);
    });
  }
});

/** The blocks of a scenario in random orders, decided after each: every order agrees with the model, and with every other on the commits. */
function assertAnyOrderAgrees(run: ScenarioRun): void {
  const prng = new Prng(run.delivered.size);
  const digests = [run.observer.digests];
  for (let order = 0; order < ORDERS; order++) {
    const observer = run.newObserver();
    for (const block of prng.shuffle([...run.delivered])) {
      observer.deliver(block);
      observer.advance();
    }
    digests.push(observer.digests);
    if (observer.core.gcRound > 0) continue;
    const { committee, options } = run.universe;
    for (const [key, expected] of modelStatuses(observer.admitted, committee, options.parameters.leadersPerRound)) {
      const [round, offset] = key.split('.').map(Number) as [number, number];
      const status = observer.core.statusOf({ round, offset });
      assert.deepEqual([key, status.decision, status.leader?.ref.id], [key, expected.decision, expected.leader]);
    }
  }
  assertPrefixes(digests, 'another order gave other commits');
}
