import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus } from 'node:os';
import type { Libp2pTransport } from '../src/network/index.ts';
import type { TransportEvents } from '../src/util/transport.ts';
import { type LoopbackCommittee, libp2pTransport, loopbackCommittee } from '../test/support/libp2p-network.ts';

/**
 * What a validator link costs: two processes on loopback, one way, one channel. CPU is the whole process's, so ns a byte includes frames, yamux,
 * noise and the kernel. `node bench/links.ts [--mebibytes N] [--json]`; with `--json` only the first case, for other benchmarks.
 */
const MEBIBYTE = 1024 * 1024;
const WARM_UP_MEBIBYTES = 100;

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
  readonly frameBytes: number;
  readonly mebibytesPerSecond: number;
  readonly senderNsPerByte: number;
  readonly receiverNsPerByte: number;
}

interface Usage {
  readonly cpuMicroseconds: number;
  readonly frames: number;
}

if (process.argv[2] === 'receiver') await receive();
else await main();

async function main(): Promise<void> {
  const flag = process.argv.indexOf('--mebibytes');
  const mebibytes = flag < 0 ? 400 : Number(process.argv[flag + 1]);
  const committee = await loopbackCommittee(2);
  const argument = JSON.stringify({ peers: committee.peers, peerKeys: committee.peerKeys.map((key) => key.toHex()) });
  const child = fork(new URL(import.meta.url), ['receiver', argument]);
  const transport = libp2pTransport(committee, 0);
  const linked = Promise.withResolvers<void>();
  await transport.start({
    linkUp: () => linked.resolve(),
    linkDown: () => linked.reject(new Error('link down')),
    frame: () => undefined,
  });
  await linked.promise;
  const isJson = process.argv.includes('--json');
  await measure(CASES[0] as Case, WARM_UP_MEBIBYTES, transport, child);
  if (isJson) console.log(JSON.stringify([await measure(CASES[0] as Case, mebibytes, transport, child)]));
  else await printTable(mebibytes, transport, child);
  child.disconnect();
  await transport.stop();
}

async function printTable(
  mebibytes: number,
  transport: Libp2pTransport,
  child: ReturnType<typeof fork>,
): Promise<void> {
  console.log(
    `${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}; encryption ${transport.linkPosture(1)?.encryption}`,
  );
  console.log(
    '| | MiB/s | sender ns/B | receiver ns/B | sender us/frame | receiver us/frame |\n|---|---|---|---|---|---|',
  );
  for (const test of CASES) console.log(row(await measure(test, Math.ceil(mebibytes * test.share), transport, child)));
}

function row(figures: Figures): string {
  const { name, mebibytesPerSecond, senderNsPerByte, receiverNsPerByte, frameBytes } = figures;
  const perFrame = (nsPerByte: number) => ((nsPerByte * frameBytes) / 1_000).toFixed(1);
  const cells = [
    senderNsPerByte.toFixed(2),
    receiverNsPerByte.toFixed(2),
    perFrame(senderNsPerByte),
    perFrame(receiverNsPerByte),
  ];
  return `| ${name} | ${mebibytesPerSecond.toFixed(0)} | ${cells.join(' | ')} |`;
}

async function measure(
  test: Case,
  mebibytes: number,
  transport: Libp2pTransport,
  child: ReturnType<typeof fork>,
): Promise<Figures> {
  const frames = Math.ceil((mebibytes * MEBIBYTE) / test.frameBytes);
  await ask(child, { expect: frames });
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const done = once(child, 'message');
  const frame = new Uint8Array(test.frameBytes).fill(7);
  for (let sent = 0; sent < frames; ) {
    for (let i = 0; i < test.framesPerTurn && sent < frames; i++) {
      if (transport.send(1, 'consensus', frame) !== 'queued') break;
      sent += 1;
    }
    const isFull = transport.queuedBytes(1) > 4 * MEBIBYTE;
    await new Promise<void>((resolve) => (isFull ? setTimeout(resolve, 1) : setImmediate(resolve)));
  }
  const [received] = (await done) as [Usage];
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(startCpu);
  const bytes = frames * test.frameBytes;
  return {
    name: test.name,
    frameBytes: test.frameBytes,
    mebibytesPerSecond: bytes / MEBIBYTE / seconds,
    senderNsPerByte: ((user + system) * 1_000) / bytes,
    receiverNsPerByte: (received.cpuMicroseconds * 1_000) / bytes,
  };
}

async function ask(child: ReturnType<typeof fork>, message: object): Promise<void> {
  const answered = once(child, 'message');
  child.send(message);
  await answered;
}

async function receive(): Promise<void> {
  const { peerKeys, peers } = JSON.parse(process.argv[3] ?? '') as {
    peerKeys: string[];
    peers: LoopbackCommittee['peers'];
  };
  const transport = libp2pTransport({ peers, peerKeys: peerKeys.map((key) => Uint8Array.fromHex(key)) }, 1);
  let expected = 0;
  let received = 0;
  let startCpu = process.cpuUsage();
  const events: TransportEvents = {
    linkUp: () => undefined,
    linkDown: () => undefined,
    frame: () => {
      received += 1;
      if (received < expected) return;
      const { user, system } = process.cpuUsage(startCpu);
      process.send?.({ cpuMicroseconds: user + system, frames: received } satisfies Usage);
    },
  };
  process.on('message', ({ expect }: { expect: number }) => {
    expected = expect;
    received = 0;
    startCpu = process.cpuUsage();
    process.send?.({ ready: true });
  });
  process.on('disconnect', () => void transport.stop());
  await transport.start(events);
}
