/** Runs the seeds that its parent sends, one after the other, and answers each with its result. */
import { profileNamed } from './profiles/index.ts';
import { runSeed } from './run-seed.ts';

process.on('message', async ({ profile, seed }: { profile: string; seed: number }) => {
  process.send?.(await runSeed(profileNamed(profile), seed));
});
process.once('disconnect', () => process.exit());
