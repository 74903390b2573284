/** Writes docs/configuration.md from the settings of src/node/config-fields.ts; a test asserts that it is current. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CONFIG_FIELDS, type ConfigField } from '../src/node/config-fields.ts';

export const CONFIGURATION_PATH = join(resolve(import.meta.dirname, '..'), 'docs/configuration.md');

const INTRODUCTION = `# Configuration

Written by \`node_modules/.bin/node tools/write-configuration.ts\` from \`src/node/config-fields.ts\`; do not edit.

A validator takes each setting from the first place that has it: flag, environment variable, configuration file (\`--config\`, JSON, keys as in the
first column), default. The whole is checked before anything starts; every problem is listed at once, with where the value came from. An
unknown key, flag or \`AV10_\` variable is a problem, never ignored. What all nodes of a network must agree on is not here: it is in the genesis
([docs/spec/genesis.md](spec/genesis.md)).

The passphrase of the keystores comes from a file or a terminal, never from an environment variable.

| Setting | Flag | Environment | Default | Meaning |
|---|---|---|---|---|
`;

export function renderConfiguration(): string {
  return INTRODUCTION + CONFIG_FIELDS.map(row).join('');
}

function row({ name, flag, placeholder, environment, default: fallback, help }: ConfigField): string {
  const variables = environment.map((variable) => `\`${variable}\``).join(', ');
  const shown = fallback === '' ? '' : `\`${String(fallback)}\``;
  return `| \`${name}\` | \`--${flag} <${placeholder}>\` | ${variables} | ${shown} | ${help} |\n`;
}

if (import.meta.main) {
  writeFileSync(CONFIGURATION_PATH, renderConfiguration());
  process.stdout.write(`wrote ${CONFIGURATION_PATH}\n`);
}
