import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from './engine.ts';

const CERTIFICATES = '/etc/ssl/certs';
const CERTIFICATE_BUNDLE = `${CERTIFICATES}/ca-certificates.crt`;
const NOBODY = 65_534;

/** An image made from this machine's own distribution and toolchains in the place of one that a registry would give. */
interface StandIn {
  /** Of docker-compose.av10-7.yml; whoever sets them all gets no stand-in. */
  readonly variables: readonly string[];
  readonly name: string;
  /** What mmdebstrap makes of the distribution's packages. */
  readonly packages: () => readonly string[];
  /** Instructions of a Dockerfile that describe the image. */
  readonly changes: () => readonly string[];
}

const STAND_INS: readonly StandIn[] = [
  {
    // In the place of node:26-bookworm and rust:1.95-bookworm: compiler, Rust, Node and npm of this machine.
    variables: ['NODE_IMAGE', 'RUST_IMAGE'],
    name: 'av10-stand-in-builder',
    packages: () => [
      '--variant=minbase',
      '--include=ca-certificates,gcc,libc6-dev',
      copies(join(capture('rustc', '--print', 'sysroot'), 'bin'), '/usr/local/bin'),
      copies(join(capture('rustc', '--print', 'sysroot'), 'lib'), '/usr/local/lib'),
      `--customize-hook=copy-in ${process.execPath} /usr/local/bin`,
      copies(join(capture('npm', 'root', '-g'), 'npm'), '/usr/local/lib/node_modules/npm'),
      '--customize-hook=ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"',
      copies(CERTIFICATES, CERTIFICATES),
    ],
    changes: () => [
      `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATE_BUNDLE} SSL_CERT_FILE=${CERTIFICATE_BUNDLE}`,
      `ENV npm_config_registry=${capture('npm', 'config', 'get', 'registry')} npm_config_update_notifier=false`,
    ],
  },
  {
    // In the place of distroless/cc: C and C++ libraries and no program at all.
    variables: ['RUNTIME_IMAGE'],
    name: 'av10-stand-in-runtime',
    packages: () => ['--variant=extract', '--include=base-files,libc6,libgcc-s1,libstdc++6'],
    changes: () => [],
  },
  {
    // In the place of prom/prometheus: the distribution's, laid out as that image is.
    variables: ['PROMETHEUS_IMAGE'],
    name: 'av10-stand-in-prometheus',
    packages: () => [
      '--variant=extract',
      '--include=prometheus',
      `--extract-hook=mkdir "$1/prometheus"; chown ${NOBODY}:${NOBODY} "$1/prometheus"`,
    ],
    changes: () => ['ENTRYPOINT ["/usr/bin/prometheus"]', 'ENV PATH=/usr/bin:/bin', `USER ${NOBODY}`],
  },
];

/** Makes the images that the environment does not name and that the engine does not have yet. Answers the variables that name them. */
export async function standIns(engine: Engine, say: (line: string) => void): Promise<Record<string, string>> {
  const named: Record<string, string> = {};
  for (const standIn of STAND_INS) {
    const unset = standIn.variables.filter((variable) => (process.env[variable] ?? '') === '');
    if (unset.length === 0) continue;
    const image = await imageOf(engine, standIn, say);
    for (const variable of unset) named[variable] = image;
  }
  return named;
}

async function imageOf(engine: Engine, standIn: StandIn, say: (line: string) => void): Promise<string> {
  requireTools(standIn);
  const packages = standIn.packages();
  const changes = standIn.changes();
  const release = capture('sh', '-c', '. /etc/os-release && echo "$VERSION_CODENAME"');
  const versions = [release, capture('rustc', '--version'), process.version];
  const digest = createHash('sha256')
    .update(JSON.stringify([packages, changes, versions]))
    .digest('hex');
  const image = `${standIn.name}:${digest.slice(0, 12)}`;
  if ((await engine.attempt(['image', 'inspect', image])).status === 0) return image;
  say(`making a stand-in for ${standIn.variables.join(' and ')} with mmdebstrap`);
  const folder = mkdtempSync(join(tmpdir(), 'av10-stand-in-'));
  try {
    const archive = join(folder, 'root.tar');
    capture('mmdebstrap', '--quiet', ...packages, release, archive, ...mirrors(release));
    await engine.docker(['import', ...changes.flatMap((change) => ['--change', change]), archive, image]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return image;
}

/** The package sources of this machine's own release, as its apt knows them. */
function mirrors(release: string): string[] {
  const format = 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)';
  const lines = capture('apt-get', 'indextargets', '--format', format, 'Created-By: Packages').split('\n');
  return [...new Set(lines.filter((line) => line.split(' ')[2]?.startsWith(release)))];
}

/** An option of mmdebstrap: the content of a folder here goes into a folder of the image. */
function copies(from: string, to: string): string {
  return `--customize-hook=mkdir -p "$1${to}" && cp -a "${from}/." "$1${to}/"`;
}

function requireTools({ variables }: StandIn): void {
  const lacking = ['mmdebstrap', 'apt-get', 'rustc', 'npm'].filter(
    (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error !== undefined,
  );
  if (lacking.length === 0) return;
  const instead = `or name images yourself: ${variables.map((variable) => `${variable}=...`).join(' ')}`;
  throw new Error(
    `no stand-in can be made here without ${lacking.join(', ')}: install (Debian: apt-get install mmdebstrap), ${instead}`,
  );
}

function capture(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (status === 0) return stdout.trim();
  throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}
