import assert from 'node:assert/strict';
import type { Slot } from '../../src/consensus/index.ts';
import type { BlockRef, VerifiedHeader } from '../../src/types/block.ts';
import { authorName, authorOf } from '../support/committees.ts';
import { type ModelRules, type ModelStatus, modelStatuses } from './model.ts';
import { Observer } from './observer.ts';
import { Universe } from './universe.ts';

export interface Scenario {
  readonly title: string;
  readonly lines: readonly { readonly number: number; readonly words: readonly string[] }[];
}

/** What a scenario said of a slot, and how many blocks were admitted when it said so. */
interface Expectation {
  readonly line: number;
  readonly key: string;
  readonly status: ModelStatus;
  readonly admitted: number;
}

const SETTINGS: readonly string[] = ['members', 'powers', 'leaders', 'gcdepth'];
const BLOCK_NAME = /^([A-Z])(\d+)('*)$/;

/** Scenarios of a file: each begins with `== title`. The language is described in test/dag/README.md. */
export function parseScenarios(text: string): readonly Scenario[] {
  const scenarios: { title: string; lines: { number: number; words: string[] }[] }[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = (raw.split('#')[0] as string).trim();
    if (line === '') continue;
    if (line.startsWith('==')) scenarios.push({ title: line.slice(2).trim(), lines: [] });
    else {
      const current = scenarios.at(-1);
      assert(current !== undefined, `line ${index + 1}: a scenario starts with == title`);
      current.lines.push({ number: index + 1, words: line.split(/\s+/) });
    }
  }
  return scenarios;
}

/** Runs a scenario against a core that decides after every block, and against the model. Throws where one of them disagrees with the text. */
export class ScenarioRun {
  readonly universe: Universe;
  readonly delivered = new Set<VerifiedHeader>();
  readonly observer: Observer;
  readonly expectations: Expectation[] = [];
  readonly #named = new Map<string, VerifiedHeader>();
  #checks = 0;

  constructor(scenario: Scenario) {
    const settings = new Map(scenario.lines.map(({ words }) => [words[0] as string, words.slice(1).map(Number)]));
    const members = settings.get('members')?.[0];
    const powers = members === undefined ? settings.get('powers') : new Array<number>(members).fill(1);
    assert(powers !== undefined, `${scenario.title}: members or powers missing`);
    const gcDepth = settings.get('gcdepth')?.[0];
    this.universe = new Universe({
      powers,
      leaders: settings.get('leaders')?.[0] ?? 1,
      ...(gcDepth === undefined ? {} : { gcDepth }),
    });
    this.observer = this.newObserver();
    for (const { number, words } of scenario.lines) {
      try {
        this.#execute(number, words);
      } catch (error) {
        throw new Error(`"${scenario.title}", line ${number}: ${words.join(' ')}`, { cause: error });
      }
    }
    assert(this.#checks > 0, `${scenario.title}: a scenario that expects nothing proves nothing`);
  }

  /** An observer that can fetch what the scenario delivered. */
  newObserver(): Observer {
    return new Observer(this.universe, { onOffer: (block) => this.delivered.has(block) });
  }

  /** The first line whose expectation a model with these rules breaks. */
  lineBrokenBy(rules: ModelRules): number | undefined {
    const leaders = this.universe.options.parameters.leadersPerRound;
    return this.expectations.find(({ key, status, admitted }) => {
      const blocks = this.observer.admitted.slice(0, admitted);
      const actual = modelStatuses(blocks, this.universe.committee, leaders, rules).get(key) ?? {
        decision: 'undecided',
      };
      return actual.decision !== status.decision || (status.leader !== undefined && actual.leader !== status.leader);
    })?.line;
  }

  #execute(line: number, [verb, ...rest]: readonly string[]): void {
    if (verb === undefined || SETTINGS.includes(verb)) return;
    const statements: Record<string, () => void> = {
      all: () => this.#all(rest),
      each: () => this.#each(rest),
      hidden: () => void this.#define(rest[0] as string, rest.slice(2)),
      deliver: () => rest.forEach((name) => void this.#deliver(this.#find(name))),
      expect: () => this.#expect(line, rest),
      commits: () => this.#expectCommits(rest),
      order: () => this.#expectOrder(rest),
      suspended: () => this.#expectSuspended(rest),
      evidence: () => this.#expectEvidence(rest),
    };
    const statement = statements[verb];
    if (statement !== undefined) return void statement();
    assert(rest[0] === '<-', `unknown statement ${verb}`);
    this.#deliver(this.#define(verb, rest.slice(1)));
  }

  /** `all 1..4 but C D`: every member (but these) references every first block of the round below. */
  #all([rounds, but, ...names]: readonly string[]): void {
    assert(but === undefined || but === 'but', 'all ROUNDS [but MEMBERS]');
    const [from, to] = (rounds as string).split('..').map(Number) as [number, number?];
    const silent = this.#members(names);
    for (let round = from; round <= (to ?? from); round++) {
      const members = this.universe.committee.members
        .map((_, author) => author)
        .filter((author) => !silent.includes(author));
      this.#build(members, round, [`*${round - 1}`]);
    }
  }

  /** `each 2 A..N P <- *1 !B`: each of these members builds a block with these ancestors. */
  #each([round, ...rest]: readonly string[]): void {
    const arrow = rest.indexOf('<-');
    assert(arrow > 0, 'each ROUND MEMBERS <- ANCESTORS');
    this.#build(this.#members(rest.slice(0, arrow)), Number(round), rest.slice(arrow + 1));
  }

  #build(authors: readonly number[], round: number, ancestors: readonly string[]): void {
    const blocks = authors.map((author) => this.#define(`${authorName(author)}${round}`, ancestors));
    for (const block of blocks) this.#deliver(block);
  }

  #define(name: string, ancestors: readonly string[]): VerifiedHeader {
    const { author, round } = parseName(name);
    assert(!this.#named.has(name), `${name} exists`);
    const refs = new Map<number, BlockRef>();
    for (const word of ancestors) {
      if (word.startsWith('*')) for (const ref of this.#firstBlocks(Number(word.slice(1)))) refs.set(ref.author, ref);
      else if (word.startsWith('!')) refs.delete(authorOf(word.slice(1)));
      else refs.set(parseName(word).author, this.#ref(word));
    }
    if (!refs.has(author)) refs.set(author, this.#ownNewest(author, round));
    const block = this.universe.block(author, round, [...refs.values()]);
    this.#named.set(name, block);
    return block;
  }

  #deliver(block: VerifiedHeader): void {
    this.delivered.add(block);
    this.observer.deliver(block);
    this.observer.advance();
  }

  #expect(line: number, [key, decision, leader]: readonly string[]): void {
    this.#checks += 1;
    assert(key !== undefined && decision !== undefined);
    const [round, offset] = key.split('.').map(Number) as [number, number];
    const expected = leader === undefined ? { decision } : { decision, leader: this.#find(leader).ref.id as string };
    const status = this.#statusOf({ round, offset });
    assert.equal(status.decision, decision);
    if (leader !== undefined) assert.equal(this.#nameOf(status.leader?.ref), leader);
    this.expectations.push({ line, key, status: expected, admitted: this.observer.admitted.length });
    const { committee, options } = this.universe;
    const model = modelStatuses(this.observer.admitted, committee, options.parameters.leadersPerRound).get(key);
    assert.equal(model?.decision ?? 'undecided', decision, 'the model disagrees');
    assert.equal(model?.leader, status.leader?.ref.id, 'the model names another leader');
  }

  #expectCommits(names: readonly string[]): void {
    this.#checks += 1;
    const leaders = this.observer.commits.map(({ commit }) => this.#nameOf(commit.leader));
    assert.deepEqual(leaders, names[0] === 'none' ? [] : names);
  }

  #expectOrder([index, ...names]: readonly string[]): void {
    this.#checks += 1;
    const { commit } = this.observer.commits[Number(index) - 1] ?? {};
    assert.deepEqual(
      commit?.refs.map((ref) => this.#nameOf(ref)),
      names,
    );
  }

  #expectSuspended(names: readonly string[]): void {
    this.#checks += 1;
    for (const name of names) {
      const { ref } = this.#find(name);
      assert(this.observer.core.holds(ref.id) && !this.observer.core.dag.has(ref.id), `${name} is suspended`);
    }
  }

  #expectEvidence(names: readonly string[]): void {
    this.#checks += 1;
    assert.deepEqual(
      this.observer.evidence.map(({ first }) => authorName(first.author)),
      names[0] === 'none' ? [] : names,
    );
  }

  #statusOf(slot: Slot): { readonly decision: string; readonly leader?: VerifiedHeader | undefined } {
    return this.observer.core.statusOf(slot);
  }

  #firstBlocks(round: number): readonly BlockRef[] {
    const authors = this.universe.committee.members.map((_, author) => author);
    if (round === 0) return authors.map((author) => this.universe.genesis(author));
    return authors
      .map((author) => this.#named.get(`${authorName(author)}${round}`))
      .filter((block) => block !== undefined && this.delivered.has(block))
      .map((block) => (block as VerifiedHeader).ref);
  }

  #ownNewest(author: number, below: number): BlockRef {
    for (let round = below - 1; round > 0; round--) {
      const block = this.#named.get(`${authorName(author)}${round}`);
      if (block !== undefined) return block.ref;
    }
    return this.universe.genesis(author);
  }

  #members(words: readonly string[]): readonly number[] {
    return words.flatMap((word) => {
      const [from, to] = word.split('..').map(authorOf) as [number, number?];
      return Array.from({ length: (to ?? from) - from + 1 }, (_, i) => from + i);
    });
  }

  #ref(name: string): BlockRef {
    const { author, round } = parseName(name);
    return round === 0 ? this.universe.genesis(author) : this.#find(name).ref;
  }

  #find(name: string): VerifiedHeader {
    const block = this.#named.get(name);
    assert(block !== undefined, `${name} is not defined`);
    return block;
  }

  #nameOf(ref: BlockRef | undefined): string | undefined {
    for (const [name, block] of this.#named) if (block.ref.id === ref?.id) return name;
    return undefined;
  }
}

function parseName(name: string): { readonly author: number; readonly round: number } {
  const match = BLOCK_NAME.exec(name);
  assert(match !== null, `${name} is no block name`);
  return { author: authorOf(match[1] as string), round: Number(match[2]) };
}
