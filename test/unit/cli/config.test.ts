import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { explainConfig, explainedSettings, validateConfig } from '../../../src/cli/commands/config.ts';
import { resolveConfig } from '../../../src/node/config.ts';
import { CONFIG_FIELDS } from '../../../src/node/config-fields.ts';
import { RecordingTerminal } from './recording-terminal.ts';
import { withFolder } from './scratch-folder.ts';

suite('where settings come from', () => {
  test('flag before variable before file before default, each named', () => {
    const content = { nodeId: 'file', logLevel: 'warn', targetTps: 7, peerAddresses: { b: 'c:1' } };
    const settings = explainedSettings(
      resolveConfig({
        flags: { nodeId: 'flag' },
        environment: { NODE_ID: 'variable', AV10_LOG_LEVEL: 'error' },
        file: { path: 'node.json', content },
      }),
    );
    const found = new Map(settings.map(({ name, ...rest }) => [name, rest]));
    assert.deepEqual(found.get('nodeId'), { value: 'flag', origin: 'flag', place: '--node-id' });
    const variable = { value: 'error', origin: 'environment', place: 'environment variable AV10_LOG_LEVEL' };
    assert.deepEqual(found.get('logLevel'), variable);
    assert.deepEqual(found.get('targetTps'), { value: 7, origin: 'file', place: 'node.json' });
    assert.deepEqual(found.get('peerAddresses'), { value: { b: 'c:1' }, origin: 'file', place: 'node.json' });
    // As it is used: below the base folder.
    assert.deepEqual(found.get('guardDir'), { value: './guard/flag', origin: 'default', place: 'default' });
    assert.deepEqual(
      [...found.keys()],
      CONFIG_FIELDS.map(({ name }) => name),
    );
  });

  test('every setting is explained on a line of its own', async () => {
    const terminal = new RecordingTerminal();
    await explainConfig({ nodeId: 'a' }, terminal);
    const lines = terminal.results[0]?.lines ?? [];
    assert.equal(lines.length, CONFIG_FIELDS.length);
    assert.match(lines[0] ?? '', /^nodeId +a +--node-id$/);
    assert.match(lines.find((line) => line.startsWith('tlsCert')) ?? '', /\(none\) +default$/);
  });

  test('what a start would refuse is refused, all of it', () =>
    withFolder(async (folder) => {
      const config = join(folder, 'node.json');
      writeFileSync(config, '{"speed":11}');
      const terminal = new RecordingTerminal();
      const refusal = { code: 'CONFIG_INVALID', fields: { problems: 3 } };
      await assert.rejects(validateConfig({ config, logLevel: 'loud' }, terminal), refusal);
      assert.equal(terminal.results.length, 0);
      await validateConfig({ nodeId: 'a', logLevel: 'debug' }, terminal);
      const value = { valid: true, nodeId: 'a', given: 2, defaults: CONFIG_FIELDS.length - 2 };
      assert.deepEqual(terminal.results[0]?.value, value);
    }));
});
