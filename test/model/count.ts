import { MEMBERS, QUORUM, type Shape } from './layout.ts';

/** What the number of ways to go on depends on: how many blocks each member has in the newest round, and how many below it. */
interface Pattern {
  readonly top: readonly number[];
  readonly older: readonly number[];
}

type Patterns = Map<string, { readonly pattern: Pattern; readonly ways: bigint }>;

/**
 * How many DAGs of at most `shape.rounds` rounds there are, by counting alone: any member may be silent, the Byzantine one makes up to `copies` blocks
 * (their order does not matter, two with the same ancestors are two blocks), ancestors are all that docs/spec/block.md allows. References to genesis
 * are not told apart.
 */
export function countDags(shape: Shape): bigint {
  const none = Array.from({ length: MEMBERS }, () => 0);
  let patterns: Patterns = new Map([['', { pattern: { top: none, older: none }, ways: 1n }]]);
  let total = 0n;
  for (let round = 1; round <= shape.rounds; round++) {
    const next: Patterns = new Map();
    for (const { pattern, ways } of patterns.values()) {
      if (round > 1 && pattern.top.filter((blocks) => blocks > 0).length < QUORUM) continue;
      for (const made of madeBlocks(shape)) {
        const choices = made.reduce((product, blocks, member) => {
          const ancestors = round === 1 ? 1n : ancestorChoices(pattern, member, shape.byzantine);
          return product * multisets(ancestors, blocks);
        }, 1n);
        const extended = { top: made, older: pattern.older.map((blocks, i) => blocks + (pattern.top[i] as number)) };
        const key = `${extended.top}/${extended.older}`;
        const sum = next.get(key)?.ways ?? 0n;
        if (choices > 0n) next.set(key, { pattern: extended, ways: sum + ways * choices });
        if (made.some((blocks) => blocks > 0)) total += ways * choices;
      }
    }
    patterns = next;
  }
  return total;
}

/** Numbers of blocks that the members can make in one round. */
function madeBlocks({ byzantine, copies }: Shape): readonly (readonly number[])[] {
  let made: (readonly number[])[] = [[]];
  for (let member = 0; member < MEMBERS; member++) {
    const most = member === byzantine ? copies : 1;
    made = made.flatMap((list) => Array.from({ length: most + 1 }, (_, blocks) => [...list, blocks]));
  }
  return made;
}

function ancestorChoices({ top, older }: Pattern, member: number, byzantine: number): bigint {
  const isByzantine = member === byzantine;
  const own = top[member] as number;
  /** By number of members referenced in the round below. */
  let ways = isByzantine ? [1 + (older[member] as number), own] : own > 0 ? [0, 1] : [1, 0];
  for (let other = 0; other < MEMBERS; other++) {
    if (other === member) continue;
    const absent = 1 + (older[other] as number);
    const present = top[other] as number;
    ways = [...ways, 0].map((count, i) => count * absent + (ways[i - 1] ?? 0) * present);
  }
  return BigInt(ways.slice(QUORUM).reduce((sum, count) => sum + count, 0));
}

function multisets(kinds: bigint, size: number): bigint {
  let count = 1n;
  for (let i = 0n; i < BigInt(size); i++) count = (count * (kinds + i)) / (i + 1n);
  return count;
}
