import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Cause } from '../../src/cli/why/cause.ts';
import { type Explanation, explain } from '../../src/cli/why/explanation.ts';
import { observe } from '../../src/cli/why/observation.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { resolveConfig } from '../../src/node/config.ts';
import { initialiseNode } from '../../src/node/node.ts';
import { SYSTEM_CLOCK } from '../../src/node/system.ts';
import { decodeGenesis, encodeGenesis } from '../../src/params/genesis.ts';
import { NO_STATEMENT, NodeDisk, readGuard, SignGuard, storageMetrics } from '../../src/storage/index.ts';
import { CountingInstruments } from '../support/counting-instruments.ts';
import { TestDevnet, until } from '../support/devnet.ts';
import { cannot, FalseClock, SmallDisk } from '../support/disturbance.ts';
import { ProxyMesh } from '../support/proxy-mesh.ts';

/** Three validators tolerate no fault: whatever happens to one of them is a stall. */
const ALL = [0, 1, 2];
const VICTIM = 2;
const VICTIM_NAME = 'validator-3';
const DISK_MEGABYTES = 128;
/** More checkpoints than a test makes. */
const BARRED_CHECKPOINT = 1_000_000;
const EXPLAIN_LIMIT_MS = 60_000;

suite('`av10 why` names the cause of a stall', () => {
  let devnet: TestDevnet;
  let mesh: ProxyMesh | undefined;
  let disk: SmallDisk | undefined;

  before(async () => {
    devnet = await TestDevnet.start({ validators: ALL.length });
  });

  after(async () => {
    if (disk !== undefined) await devnet.kill(VICTIM);
    disk?.unmount();
    await devnet?.stop();
    mesh?.close();
  });

  const ask = async (validators: readonly number[]): Promise<Explanation> =>
    explain(await observe(validators.map((index) => devnet.file.validators[index]?.api ?? '')), undefined, Date.now());

  /** Asks these validators until the causes are the expected ones and the network stands. */
  async function untilExplained(
    validators: readonly number[],
    expected: readonly Pick<Cause, 'code' | 'validators'>[],
    stalled = true,
  ): Promise<Explanation> {
    let last: Explanation | undefined;
    const isExplained = async (): Promise<boolean> => {
      last = await ask(validators);
      return last.stalled === stalled && last.causes.length > 0 && same(last.causes, expected);
    };
    await until(isExplained, 'the cause', EXPLAIN_LIMIT_MS).catch(() => undefined);
    assert.deepEqual(
      { stalled: last?.stalled, causes: last?.causes.map(bare) },
      { stalled, causes: expected },
      JSON.stringify(last),
    );
    return last as Explanation;
  }

  const mended = async (): Promise<void> => {
    for (const validator of ALL) await devnet.untilHealthy(validator);
  };

  test('nothing: the network moves', async () => {
    const { stalled, causes, headline } = await ask(ALL);
    assert.deepEqual({ stalled, causes }, { stalled: false, causes: [] });
    assert.match(headline, /^Not stalled: commit \d+ is [\d.]+ s old\.$/);
  });

  test('one validator is down, then two', async () => {
    await devnet.kill(VICTIM);
    const down = [{ code: 'DOWN', validators: [VICTIM_NAME] }] as const;
    const { headline, causes, attempts } = await untilExplained(ALL, down);
    assert.match(
      headline,
      /^Stalled: no commit for [\d.]+ s\. Commit \d+, round \d+: (blocks|links) of power 2 of 3 needed, missing validator-3\.$/,
    );
    assert.match(causes[0]?.finding ?? '', /nothing listens at its address, last heard [\d.]+ s ago/);
    assert.ok(
      attempts.some((attempt) => /dials validator-3 in [\d.]+ s/.test(attempt)),
      attempts.join(),
    );
    await untilExplained([0], down);

    await devnet.kill(1);
    await untilExplained([0], [{ code: 'DOWN', validators: ['validator-2'] }, ...down]);
    for (const validator of [1, VICTIM]) devnet.restart(validator);
    await mended();
  });

  test('a process is stopped', async () => {
    devnet.signal(VICTIM, 'SIGSTOP');
    try {
      await untilExplained([0, 1], [{ code: 'STOPPED', validators: [VICTIM_NAME] }]);
      await untilExplained(ALL, [{ code: 'STOPPED', validators: [VICTIM_NAME] }]);
    } finally {
      devnet.signal(VICTIM, 'SIGCONT');
    }
    await mended();
  });

  test('a disk is full', { skip: cannot('root') }, async () => {
    await devnet.kill(VICTIM);
    // To the end: what lies below is the state of this moment, and going back to it would be signing twice.
    disk = new SmallDisk(devnet.layout.validator(VICTIM).folder, DISK_MEGABYTES);
    devnet.restart(VICTIM);
    await mended();
    disk.fill();
    const { causes } = await untilExplained(ALL, [{ code: 'DISK', validators: [VICTIM_NAME] }]);
    assert.match(causes[0]?.finding ?? '', /the disk of validator-3: .*DISK_FULL/);
    await untilExplained([0, 1], [{ code: 'MUTE', validators: [VICTIM_NAME] }]);
    disk.free();
    await mended();
  });

  test('a clock is off', { skip: cannot('faketime') }, async () => {
    const clock = new FalseClock();
    await devnet.kill(VICTIM);
    clock.set('+3600');
    devnet.restartIn(clock.room, VICTIM);
    try {
      const { causes } = await untilExplained(ALL, [{ code: 'CLOCK', validators: [VICTIM_NAME] }]);
      assert.match(causes[0]?.finding ?? '', /clock of validator-3 is (59 min 5\d s|1 h.*) ahead/);
    } finally {
      await devnet.kill(VICTIM);
      clock.remove();
    }
    devnet.restart(VICTIM);
    await mended();
  });

  test('a validator has the genesis of another network', async () => {
    await devnet.kill(VICTIM);
    const other = await otherNetwork(devnet);
    devnet.restart(VICTIM, ...other.flags);
    try {
      const { causes } = await untilExplained(ALL, [{ code: 'OTHER_NETWORK', validators: [VICTIM_NAME] }]);
      assert.match(causes[0]?.finding ?? '', new RegExp(`validator-3 runs network ${other.networkId}`));
    } finally {
      await devnet.kill(VICTIM);
    }
    devnet.restart(VICTIM);
    await mended();
  });

  test('the network between two sides is cut', async () => {
    mesh = await ProxyMesh.around(devnet, 1);
    mesh.cut([0, 1], [VICTIM]);
    const { causes } = await untilExplained(ALL, [
      { code: 'PARTITION', validators: ['validator-1', 'validator-2', VICTIM_NAME] },
    ]);
    assert.match(causes[0]?.finding ?? '', /validator-1, validator-2 \| validator-3/);
    mesh.mend();
    await mended();
  });

  test('checkpoints get no quorum of roots', async () => {
    const links = mesh as ProxyMesh;
    await devnet.kill(VICTIM);
    await barVotes(devnet, VICTIM);
    links.restart(VICTIM);
    await mended();
    const client = devnet.client(0);
    const { id } = await (await devnet.wallet(0, client)).transfer([{ to: 1, amount: 1n }]);
    await client.waitFor(id, 'final');
    const { causes } = await untilExplained(ALL, [{ code: 'ROOTS', validators: [VICTIM_NAME] }], false);
    assert.match(
      causes[0]?.finding ?? '',
      /votes of power 2 of 3 needed; missing validator-3; validator-3 does not sign: GUARD_BACKWARD/,
    );
  });
});

const bare = ({ code, validators }: Pick<Cause, 'code' | 'validators'>) => ({ code, validators });

function same(causes: readonly Cause[], expected: readonly Pick<Cause, 'code' | 'validators'>[]): boolean {
  return JSON.stringify(causes.map(bare)) === JSON.stringify(expected.map(bare));
}

/** The same committee a millisecond later, with state of its own for the victim. */
async function otherNetwork({
  layout,
}: TestDevnet): Promise<{ readonly networkId: string; readonly flags: readonly string[] }> {
  const { hasher } = nativeBackend();
  const genesis = decodeGenesis(hasher, new Uint8Array(readFileSync(layout.genesisFile)));
  const content = { ...genesis, members: genesis.committee.members, timeMs: genesis.timeMs + 1 };
  const folder = join(layout.baseDir, 'other');
  mkdirSync(folder);
  writeFileSync(join(folder, 'genesis.json'), encodeGenesis(content));
  cpSync(join(dirname(layout.genesisFile), genesis.accounts.file), join(folder, genesis.accounts.file));
  const paths = {
    genesisFile: join(folder, 'genesis.json'),
    dataDir: join(folder, 'data'),
    guardDir: join(folder, 'guard'),
  };
  await initialiseNode(resolveConfig({ flags: { nodeId: VICTIM_NAME, ...paths }, environment: {} }).config);
  const flags = ['--genesis-file', paths.genesisFile, '--data-dir', paths.dataDir, '--guard-dir', paths.guardDir];
  return { networkId: decodeGenesis(hasher, encodeGenesis(content)).networkId, flags };
}

/** As after a recovery that learned of later votes: the guard signs none before them. */
async function barVotes({ layout }: TestDevnet, validator: number): Promise<void> {
  const path = join(layout.validator(validator).guard, 'guard').slice(1);
  const metrics = storageMetrics(new CountingInstruments());
  const modules = { disk: new NodeDisk('/'), hasher: nativeBackend().hasher, clock: SYSTEM_CLOCK, metrics };
  const reading = await readGuard(path, modules);
  assert.ok(reading.state === 'good');
  const { identity, block } = reading.value;
  const vote = { index: BARRED_CHECKPOINT, digest: NO_STATEMENT };
  await (await SignGuard.replace(path, identity, { block, vote }, modules)).close();
}
