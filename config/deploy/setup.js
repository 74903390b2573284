// What docker-compose.av10-7.yml runs before its validators: keys, accounts, genesis, block logs and sign guards of a new network, in the
// volumes, once. Arguments are the names of the validators; the volumes of number n are mounted at /setup/<n>/{keys,data,guard}.
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';

const ACCOUNTS = 4;
const { ACCOUNT_BALANCE, NETWORK_NAME, AV10_PASSPHRASE_FILE } = process.env;
const PASSPHRASE = ['--passphrase-file', AV10_PASSPHRASE_FILE];
const P2P_PORT = 30303;
/**
 * Written last. From then on nothing is ever made again: a sign guard that were made anew would forget what its validator signed, so whatever
 * is missing later is for `av10 start` to refuse (docs/spec/storage.md).
 */
const DONE_FILE = '/network/setup-done';
const GENESIS_FILE = '/network/genesis.json';

const names = process.argv.slice(2);
const validators = names.map((name, index) => {
  const [keysDir, dataDir, guardDir] = ['keys/validator', 'data/ledger', 'guard/sign-guard'].map(
    (folder) => `/setup/${index + 1}/${folder}`,
  );
  return { name, keysDir, dataDir, guardDir, publicFile: `/network/${name}.json` };
});
const accounts = Array.from({ length: ACCOUNTS }, (_, index) => `/accounts/account-${index + 1}.json`);

process.exitCode = main();

function main() {
  if (existsSync(DONE_FILE)) {
    console.log('this network is set up');
    return 0;
  }
  if (!existsSync(GENESIS_FILE) && validators.some(({ dataDir }) => existsSync(dataDir))) {
    console.error('validators have data, but the genesis is gone: restore the volume av10-network');
    return 1;
  }
  if (!steps().every(perform)) {
    console.error('setup stopped half-way; of a network that never ran `docker compose down --volumes` loses nothing');
    return 1;
  }
  writeFileSync(DONE_FILE, `${new Date().toISOString()}\n`);
  return 0;
}

/** In this order; `made` tells that an earlier, interrupted setup did it already. */
function steps() {
  return [
    ...validators.flatMap(({ name, keysDir, publicFile }) => {
      const named = ['--name', name, '--address', `${name}:${P2P_PORT}`];
      return [
        { made: keysDir, verb: ['keys', 'generate', '--keys-dir', keysDir, ...PASSPHRASE] },
        { made: publicFile, verb: ['keys', 'show', '--keys-dir', keysDir, '--export', publicFile, ...named] },
      ];
    }),
    ...accounts.map((file) => ({ made: file, verb: ['keys', 'account', '--out', file, ...PASSPHRASE] })),
    {
      made: GENESIS_FILE,
      verb: [
        ...['genesis', 'create', '--name', NETWORK_NAME, '--out', '/network'],
        ...accounts.flatMap((file) => ['--account', `${file}=${ACCOUNT_BALANCE}`]),
        ...validators.map(({ publicFile }) => publicFile),
      ],
    },
    ...validators.map(({ name, dataDir, guardDir }) => ({
      made: `${guardDir}/guard`,
      verb: ['init', '--node-id', name, '--data-dir', dataDir, '--guard-dir', guardDir],
    })),
  ];
}

function perform({ made, verb }) {
  if (existsSync(made)) return true;
  const { status } = spawnSync(process.execPath, ['/app/dist/main.js', ...verb], { stdio: 'inherit' });
  return status === 0;
}
