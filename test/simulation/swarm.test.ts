import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawDag } from './dag-svg.ts';
import { NO_WITNESS } from './profile.ts';
import { PROFILES, profileNamed } from './profiles/index.ts';
import { runSeed } from './run-seed.ts';

/** Every size and kind of network; seeds of a planted fault or of a bug of a harness are among them. */
const FIXED_SEEDS: Readonly<Record<string, readonly number[]>> = {
  chaos: [2, 3, 6, 8, 9, 10, 11, 14, 16, 18, 24, 28, 31, 39, 73],
  byzantine: [1, 4, 5, 9, 15, 1003, 1004],
  dag: [5, 9, 17, 127, 171, 607, 1262],
  ledger: [1, 4, 7],
  pacing: [2, 3, 5, 6],
  recovery: [1, 2, 3, 24, 28],
  amnesia: [1, 3, 4, 12],
  corners: [1, 3, 4, 5, 6, 14],
  pestered: [1, 2, 3, 4],
};
const FRESH_SEEDS = 5;
/** Of those whose seeds take ten seconds of a core. */
const FEWER_FRESH_SEEDS: Readonly<Record<string, number>> = { byzantine: 2, chaos: 3, pestered: 0 };

function fresh(profile: string): number[] {
  const first = Math.floor(Math.random() * 2 ** 31);
  return Array.from({ length: FEWER_FRESH_SEEDS[profile] ?? FRESH_SEEDS }, (_, i) => first + i);
}

for (const profile of PROFILES) {
  describe(`profile ${profile.name}`, () => {
    for (const seed of [...(FIXED_SEEDS[profile.name] ?? [1, 2, 3]), ...fresh(profile.name)]) {
      // The name is printed whatever happens, so that a failure can be run again.
      test(`seed ${seed}`, async (context) => {
        const { failure, outcome } = await runSeed(profile, seed);
        assert.equal(failure, undefined);
        context.diagnostic(`${outcome?.commits} commits, ${outcome?.transactions} transactions: ${outcome?.setting}`);
      });
    }
  });
}

test('one seed gives one run, to the last digest', async () => {
  const chaos = profileNamed('chaos');
  const lines: string[] = [];
  let drawn = '';
  const first = await chaos.run(5, NO_WITNESS);
  const again = await chaos.run(5, {
    trace: (line) => lines.push(line),
    watch: (cluster) => {
      drawn = drawDag(cluster);
    },
  });
  const other = await chaos.run(6, NO_WITNESS);
  assert.equal(again.fingerprint, first.fingerprint);
  assert.notEqual(other.fingerprint, first.fingerprint);
  assert(
    lines.some((line) => /node \d commit \d+/.test(line)),
    'a trace tells of commits',
  );
  assert.match(drawn, /<\/svg>\n$/);
});

test('signatures are hedged, so ids differ from run to run with real ones: nothing else does', async () => {
  const course = async (): Promise<readonly string[]> => {
    const lines: string[] = [];
    await profileNamed('real').run(3, { ...NO_WITNESS, trace: (line) => lines.push(line) });
    return lines;
  };
  const [first, again] = [await course(), await course()];
  assert.notDeepEqual(again, first);
  const withoutIds = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/[0-9a-f]{64}/g, 'id'));
  assert.deepEqual(withoutIds(again), withoutIds(first));
});
