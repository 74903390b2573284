import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus } from 'node:os';
import { noise } from '@chainsafe/libp2p-noise';
import type { ConnectionEncrypter, Stream } from '@libp2p/interface';
import { parseAddress, toMultiaddr } from '../src/network/address.ts';
import { ChannelWriter } from '../src/network/channel-writer.ts';
import { FrameAssembler } from '../src/network/frame-codec.ts';
import { createHost } from '../src/network/host.ts';
import { DEFAULT_SEND_QUEUE_BYTES } from '../src/network/limits.ts';
import { privateKeyOf } from '../src/network/peer-key.ts';
import { MAX_FRAME_BYTES } from '../src/types/limits.ts';
import {
  committeeArgument,
  committeeOf,
  type LoopbackCommittee,
  loopbackCommittee,
  memberSeed,
  testEncrypter,
} from '../test/support/libp2p-network.ts';

/**
 * What a validator link costs, with the TLS of validators and with libp2p's noise in turns: two processes on loopback, one way, one stream. CPU is
 * the whole process's, so ns a byte includes frames, yamux, encryption and the kernel. `node bench/links.ts [--mebibytes N] [--rounds N] [--json]`;
 * with `--json` only the first case of TLS, for other benchmarks.
 */
const MEBIBYTE = 1024 * 1024;
const WARM_UP_MEBIBYTES = 100;
const PROTOCOL = '/av10/bench/1';
const NOISE = '/av10/bench/noise';

type Encryption = 'tls' | 'noise';
const ENCRYPTIONS: readonly Encryption[] = ['tls', 'noise'];

interface Case {
  readonly name: string;
  readonly frameBytes: number;
  /** Frames offered in one turn of the event loop; one at a time shows what gathering saves. */
  readonly framesPerTurn: number;
  readonly share: number;
}

const CASES: readonly Case[] = [
  { name: '1 MiB frames', frameBytes: MEBIBYTE, framesPerTurn: 4, share: 1 },
  { name: '64 KiB frames', frameBytes: 64 * 1024, framesPerTurn: 64, share: 1 },
  { name: '1 KiB frames', frameBytes: 1024, framesPerTurn: 1_024, share: 0.25 },
  { name: '1 KiB frames, one a turn', frameBytes: 1024, framesPerTurn: 1, share: 0.05 },
];

interface Figures {
  readonly name: string;
  readonly encryption: Encryption;
  readonly frameBytes: number;
  readonly mebibytesPerSecond: number;
  readonly senderNsPerByte: number;
  readonly receiverNsPerByte: number;
}

/** The sending half of one pair of processes. */
interface Pair {
  readonly encryption: Encryption;
  readonly writer: ChannelWriter;
  readonly receiver: ChildProcess;
  stop(): Promise<void>;
}

if (process.argv[2] === 'receiver') await receive(process.argv[3] as Encryption, process.argv[4] ?? '');
else await main();

async function main(): Promise<void> {
  const mebibytes = numberFlag('--mebibytes', 400);
  const isJson = process.argv.includes('--json');
  const pairs = await Promise.all((isJson ? (['tls'] as const) : ENCRYPTIONS).map(connect));
  for (const pair of pairs) await measure(CASES[0] as Case, WARM_UP_MEBIBYTES, pair);
  if (isJson) console.log(JSON.stringify([await measure(CASES[0] as Case, mebibytes, pairs[0] as Pair)]));
  else await printTable(mebibytes, numberFlag('--rounds', 3), pairs);
  for (const pair of pairs) await pair.stop();
}

function numberFlag(name: string, fallback: number): number {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

async function printTable(mebibytes: number, rounds: number, pairs: readonly Pair[]): Promise<void> {
  console.log(
    `${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}; medians of ${rounds} rounds`,
  );
  console.log('| | encryption | MiB/s | sender ns/B | receiver ns/B | both ns/B |\n|---|---|---|---|---|---|');
  for (const test of CASES) {
    const figures: Figures[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const pair of pairs) figures.push(await measure(test, Math.ceil(mebibytes * test.share), pair));
    }
    for (const { encryption } of pairs) console.log(row(figures.filter((one) => one.encryption === encryption)));
  }
}

function row(figures: readonly Figures[]): string {
  const median = (value: (one: Figures) => number): number =>
    figures.map(value).sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
  const cells = [
    median((one) => one.mebibytesPerSecond).toFixed(0),
    median((one) => one.senderNsPerByte).toFixed(2),
    median((one) => one.receiverNsPerByte).toFixed(2),
    median((one) => one.senderNsPerByte + one.receiverNsPerByte).toFixed(2),
  ];
  return `| ${figures[0]?.name} | ${figures[0]?.encryption} | ${cells.join(' | ')} |`;
}

async function measure(test: Case, mebibytes: number, { encryption, writer, receiver }: Pair): Promise<Figures> {
  const frames = Math.ceil((mebibytes * MEBIBYTE) / test.frameBytes);
  await ask(receiver, { expect: frames });
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const done = once(receiver, 'message');
  const frame = new Uint8Array(test.frameBytes).fill(7);
  for (let sent = 0; sent < frames; ) {
    for (let i = 0; i < test.framesPerTurn && sent < frames; i++) {
      if (!writer.offer([frame])) break;
      sent += 1;
    }
    const isFull = writer.waitingBytes > 4 * MEBIBYTE;
    await new Promise<void>((resolve) => (isFull ? setTimeout(resolve, 1) : setImmediate(resolve)));
  }
  const [{ cpuMicroseconds }] = (await done) as [{ cpuMicroseconds: number }];
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(startCpu);
  const bytes = frames * test.frameBytes;
  return {
    name: test.name,
    encryption,
    frameBytes: test.frameBytes,
    mebibytesPerSecond: bytes / MEBIBYTE / seconds,
    senderNsPerByte: ((user + system) * 1_000) / bytes,
    receiverNsPerByte: (cpuMicroseconds * 1_000) / bytes,
  };
}

async function ask(child: ChildProcess, message: object): Promise<void> {
  const answered = once(child, 'message');
  child.send(message);
  await answered;
}

async function connect(encryption: Encryption): Promise<Pair> {
  const committee = await loopbackCommittee(2);
  const receiver = fork(new URL(import.meta.url), ['receiver', encryption, committeeArgument(committee)]);
  const host = await startHost(encryption, committee, 0);
  await once(receiver, 'message');
  const { address = '', peerId } = committee.peers[1] ?? {};
  const connection = await host.dial(toMultiaddr(parseAddress(address), peerId));
  const stream = await connection.newStream(PROTOCOL);
  const writer = new ChannelWriter({ stream, queueBytes: DEFAULT_SEND_QUEUE_BYTES, wrote: () => undefined });
  return {
    encryption,
    writer,
    receiver,
    stop: async () => {
      receiver.disconnect();
      await host.stop();
    },
  };
}

async function receive(encryption: Encryption, argument: string): Promise<void> {
  let expected = 0;
  let received = 0;
  let startCpu = process.cpuUsage();
  const host = await startHost(encryption, await committeeOf(argument), 1);
  await host.handle(PROTOCOL, (stream: Stream) => {
    const assembler = new FrameAssembler(MAX_FRAME_BYTES);
    stream.addEventListener('message', ({ data }) => {
      for (const chunk of data instanceof Uint8Array ? [data] : data) {
        for (const _ of assembler.push(chunk)) received += 1;
      }
      if (received < expected) return;
      const { user, system } = process.cpuUsage(startCpu);
      expected = Number.POSITIVE_INFINITY;
      process.send?.({ cpuMicroseconds: user + system });
    });
  });
  process.on('message', ({ expect }: { expect: number }) => {
    expected = expect;
    received = 0;
    startCpu = process.cpuUsage();
    process.send?.({ ready: true });
  });
  process.on('disconnect', () => void host.stop());
  process.send?.({ ready: true });
}

async function startHost(encryption: Encryption, committee: LoopbackCommittee, node: number) {
  const peerKey = committee.peerKeys[node] as Uint8Array;
  const host = await createHost({
    peerKey,
    listen: committee.peers[node]?.address ?? '',
    linkEncrypter:
      encryption === 'tls'
        ? await testEncrypter(committee, peerKey, { seed: memberSeed(committee, node, 'link') })
        : await noiseEncrypter(peerKey),
    gater: {},
    knownHosts: new Set(['127.0.0.1']),
    members: 2,
  });
  await host.start();
  return host;
}

/** Noise under a name of its own: a node keeps libp2p's name for connections that it accepts. */
async function noiseEncrypter(peerKey: Uint8Array): Promise<ConnectionEncrypter> {
  const components = { privateKey: await privateKeyOf(peerKey), logger: { forComponent: () => undefined } };
  const encrypter = noise()(components as unknown as Parameters<ReturnType<typeof noise>>[0]);
  return {
    protocol: NOISE,
    secureInbound: (connection, init) =>
      encrypter.secureInbound(connection, { ...init, skipStreamMuxerNegotiation: true }),
    secureOutbound: (connection, init) =>
      encrypter.secureOutbound(connection, { ...init, skipStreamMuxerNegotiation: true }),
  };
}
