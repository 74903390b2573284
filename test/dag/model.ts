import type { Committee } from '../../src/params/committee.ts';
import type { VerifiedHeader } from '../../src/types/block.ts';

/** The constants of the commit rule, so that a test can plant a fault in the model and show that a comparison notices. */
export interface ModelRules {
  readonly quorum: number;
  readonly countBlocks: boolean;
  readonly anchorDistance: number;
  readonly passUndecided: boolean;
}

export interface ModelStatus {
  readonly decision: string;
  readonly leader?: string;
}

export function soundRules(committee: Committee): ModelRules {
  return { quorum: committee.quorum, countBlocks: false, anchorDistance: 3, passUndecided: false };
}

/**
 * The commit rule, written down once more from docs/spec/commit-rule.md and as plainly as possible: it knows the whole set of blocks (closed under
 * ancestors) and computes everything from scratch. Keys are `round.offset`.
 */
export function modelStatuses(
  blocks: readonly VerifiedHeader[],
  committee: Committee,
  leaders: number,
  rules: ModelRules = soundRules(committee),
): Map<string, ModelStatus> {
  const byId = new Map(blocks.map((block) => [block.ref.id as string, block]));
  const at = (round: number) => blocks.filter((block) => block.round === round);
  const power = (voters: readonly VerifiedHeader[]) => {
    const authors = voters.map((block) => block.author);
    return (rules.countBlocks ? authors : [...new Set(authors)]).reduce(
      (sum, author) => sum + committee.power(author),
      0,
    );
  };
  const vote = (block: VerifiedHeader, leader: number) =>
    block.ancestors.find((ref) => ref.author === leader && ref.round === block.round - 1)?.id as string | undefined;
  const certifies = (block: VerifiedHeader, leader: number, candidate: string) => {
    const parents = block.ancestors
      .filter((ref) => ref.round === block.round - 1)
      .map((ref) => byId.get(ref.id) as VerifiedHeader);
    return power(parents.filter((parent) => vote(parent, leader) === candidate)) >= rules.quorum;
  };
  const history = (from: VerifiedHeader, floor: number) => {
    const seen = new Set([from]);
    for (const block of seen) {
      for (const ref of block.ancestors) if (ref.round >= floor) seen.add(byId.get(ref.id) as VerifiedHeader);
    }
    return [...seen];
  };
  const decideAlone = (round: number, leader: number): ModelStatus | undefined => {
    if (power(at(round + 1).filter((block) => vote(block, leader) === undefined)) >= rules.quorum)
      return { decision: 'direct-skip' };
    const committed = at(round).find(
      ({ author, ref }) =>
        author === leader && power(at(round + 2).filter((block) => certifies(block, leader, ref.id))) >= rules.quorum,
    );
    return committed && { decision: 'direct-commit', leader: committed.ref.id };
  };
  const decideBy = (anchor: string, round: number, leader: number): ModelStatus => {
    const certifying = history(byId.get(anchor) as VerifiedHeader, round + 2).filter(
      (block) => block.round === round + 2,
    );
    const candidate = at(round).find(
      ({ author, ref }) => author === leader && certifying.some((block) => certifies(block, leader, ref.id)),
    );
    return candidate ? { decision: 'indirect-commit', leader: candidate.ref.id } : { decision: 'indirect-skip' };
  };

  const statuses: { round: number; key: string; status: ModelStatus }[] = [];
  const highest = Math.max(0, ...blocks.map((block) => block.round));
  for (let position = highest * leaders + leaders - 1; position >= leaders; position--) {
    const [round, offset] = [Math.floor(position / leaders), position % leaders];
    const leader = (round + offset) % committee.size;
    let status = decideAlone(round, leader) ?? { decision: 'undecided' };
    if (status.decision === 'undecided') {
      const anchors = statuses.filter(
        (above) => above.round >= round + rules.anchorDistance && !above.status.decision.endsWith('skip'),
      );
      const anchor = rules.passUndecided ? anchors.find((above) => above.status.leader !== undefined) : anchors[0];
      if (anchor?.status.leader !== undefined) status = decideBy(anchor.status.leader, round, leader);
    }
    statuses.unshift({ round, key: `${round}.${offset}`, status });
  }
  return new Map(statuses.map(({ key, status }) => [key, status]));
}
