/**
 * Programs that are not ours look at validator links: tshark decodes a capture of handshakes of a devnet, and OpenSSL's own client, which knows
 * classical groups only, is refused by a validator.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CHALLENGE_BYTES, callerProof } from '../../src/network/caller.ts';
import { peerIdOf, privateKeyOf } from '../../src/network/peer-key.ts';
import { readPeerKey } from '../../src/node/key-files.ts';
import type { NetworkId } from '../../src/types/ids.ts';
import { Evidence, onDevnet } from '../support/acceptance.ts';
import type { TestDevnet } from '../support/devnet.ts';
import { multistreamHello } from '../support/multistream-hello.ts';

const run = promisify(execFile);
/** Registered numbers: SecP384r1MLKEM1024; mldsa87; TLS_AES_256_GCM_SHA384. */
const GROUP = '4589';
const SIGNATURE = '0x0906';
const CIPHER = '0x1302';
const CAPTURE_MS = 8_000;

const evidence = new Evidence();
await onDevnet(evidence, {}, async (devnet) => {
  if (await isInstalled('tshark')) await capture(devnet);
  else evidence.figure('skipped', 'tshark is not installed: apt-get install tshark');
  if (await isInstalled('openssl')) await classicalClient(devnet);
  else evidence.figure('skipped', 'openssl is not installed');
});
evidence.finish();

/** Every handshake of one validator while it makes its links anew. */
async function capture(devnet: TestDevnet): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'av10-witness-'));
  const file = join(folder, 'links.pcapng');
  const port = p2pPort(devnet, 0);
  const recorder = spawn('tshark', ['-i', 'lo', '-f', `tcp port ${port}`, '-w', file, '-q'], { stdio: 'ignore' });
  await delay(CAPTURE_MS / 2);
  for (const validator of [1, 2, 3]) devnet.signal(validator, 'SIGUSR2');
  await delay(CAPTURE_MS / 2);
  recorder.kill('SIGINT');
  await once(recorder, 'exit');
  const fields = [
    'handshake.type',
    'handshake.extensions_key_share_group',
    'handshake.sig_hash_alg',
    'handshake.ciphersuite',
  ];
  const show = fields.flatMap((field) => ['-e', `tls.${field}`]);
  const decode = [
    '-r',
    file,
    '-d',
    `tcp.port==${port},tls`,
    '-Y',
    'tls.handshake',
    '-T',
    'fields',
    '-E',
    'separator=;',
    ...show,
  ];
  const { stdout } = await run('tshark', decode);
  rmSync(folder, { recursive: true });
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(';'));
  const hellos = rows.filter(([type]) => type === '1');
  const answers = rows.filter(([type]) => type?.split(',')[0] === '2');
  evidence.figure('tshark', {
    clientHello: hellos[0],
    serverHello: answers[0],
    hellos: hellos.length,
    answers: answers.length,
  });
  evidence.must(hellos.length >= 3 && answers.length >= 3, 'handshakes of three validators were captured');
  evidence.must(
    hellos.every(([, groups, signatures]) => groups === GROUP && signatures?.toLowerCase() === SIGNATURE),
    'every dialler offered SecP384r1MLKEM1024 and ML-DSA-87 and nothing else',
  );
  evidence.must(
    answers.every(([, group, , cipher]) => group === GROUP && cipher?.toLowerCase() === CIPHER),
    'every acceptor chose SecP384r1MLKEM1024 and AES-256-GCM',
  );
}

async function classicalClient(devnet: TestDevnet): Promise<void> {
  const proxy = await memberProxy(devnet);
  const args = [
    's_client',
    '-connect',
    `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    '-groups',
    'X25519',
    '-tls1_3',
  ];
  const { stdout, stderr } = await run('openssl', args, { timeout: 10_000 }).catch((error) => error);
  proxy.close();
  const alert = /alert [a-z ]+/.exec(`${stdout}${stderr}`)?.[0];
  evidence.figure('openssl', alert);
  evidence.must(
    alert?.startsWith('alert handshake failure') === true,
    'a client that offers X25519 only gets an alert',
  );
}

/** Selects the encryption of validator links and calls as a member does, then hands the bytes of a TLS client through. */
async function memberProxy(devnet: TestDevnet) {
  const keyOf = (validator: number) => readPeerKey(devnet.layout.validator(validator).keys);
  const peerKey = await privateKeyOf(await keyOf(1));
  const scope = { networkId: devnet.file.networkId as NetworkId, called: await peerIdOf(await keyOf(0)) };
  const prove = (challenge: Uint8Array) => callerProof(peerKey, scope, challenge);
  const server = createServer((client) => void forward(client, p2pPort(devnet, 0), prove)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function forward(
  client: Socket,
  port: number,
  prove: (challenge: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  const validator = connect(port, '127.0.0.1');
  for (const end of [client, validator]) end.on('error', () => end.destroy());
  validator.write(multistreamHello());
  let answer = Buffer.alloc(0);
  while (answer.length < multistreamHello().length + CHALLENGE_BYTES) {
    answer = Buffer.concat([answer, ...((await once(validator, 'data')) as [Buffer])]);
  }
  validator.write(await prove(answer.subarray(-CHALLENGE_BYTES)));
  client.pipe(validator).pipe(client);
}

function p2pPort(devnet: TestDevnet, validator: number): number {
  const config = JSON.parse(readFileSync(devnet.layout.validator(validator).config, 'utf8')) as { p2pListen: string };
  return Number(config.p2pListen.split(':').at(-1));
}

async function isInstalled(program: string): Promise<boolean> {
  return await run('which', [program]).then(
    () => true,
    () => false,
  );
}
