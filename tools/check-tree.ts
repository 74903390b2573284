/** Small rules of the repository that no linter knows. Each says what to do instead. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DETERMINISTIC_ROOMS } from './layers.ts';
import { printViolations, type Violation } from './violation.ts';

/** A screen or ten: beyond it a newcomer does not read to the end. */
const MAX_FILE_LINES = 500;

interface LineRule {
  readonly rule: string;
  readonly files: RegExp;
  readonly pattern: RegExp;
  readonly message: string;
}

const deterministicFiles = new RegExp(`^src/(${DETERMINISTIC_ROOMS.join('|')})/.*\\.ts$`);

const LINE_RULES: readonly LineRule[] = [
  {
    rule: 'clock',
    files: deterministicFiles,
    pattern: /\bDate\.now\b|\bnew Date\b|\bperformance\.now\b|\bprocess\.hrtime\b/,
    message: 'a clock in a deterministic room: take the time from the input',
  },
  {
    rule: 'timer',
    files: deterministicFiles,
    pattern: /\bset(Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/,
    message: 'a timer in a deterministic room: return an effect that asks for it',
  },
  {
    rule: 'chance',
    files: deterministicFiles,
    pattern: /\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/,
    message: 'chance in a deterministic room: take it from the input',
  },
  {
    rule: 'locale',
    files: deterministicFiles,
    pattern: /\blocaleCompare\b|\btoLocale\w+\(|\bIntl\./,
    message: 'locale in a deterministic room: compare bytes or numbers',
  },
  {
    rule: 'left-for-later',
    files: /^(src|native|bin|tools|bench|test)\/.*\.(ts|js|rs)$/,
    pattern: new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`),
    message: 'left for later: do it, or fail with the code NOT_IMPLEMENTED and say so in the docs',
  },
  {
    rule: 'silenced',
    files: /^(src|native|bin|tools|bench|test)\/.*\.(ts|js|rs)$/,
    pattern: new RegExp(`@ts-(ignore|nocheck)|\\b${'biome'}-ignore\\b|#\\[${'ignore'}\\]`),
    message: 'a check switched off: mend what it found, or change the rule for everybody',
  },
  {
    rule: 'only',
    files: /^test\/.*\.ts$/,
    pattern: /\b(test|it|describe|suite)\.(only|todo)\(|\bonly: true\b/,
    message: 'hides the other tests: remove it',
  },
  {
    rule: 'lock-host',
    files: /^package-lock\.json$/,
    pattern: /"resolved":/,
    message: 'a registry address in the lock: install with the .npmrc of this repository',
  },
  {
    rule: 'lock-host',
    files: /(^|\/)Cargo\.lock$/,
    pattern: /^source = "(?!registry\+https:\/\/github\.com\/rust-lang\/crates\.io-index")/,
    message: 'a crate from elsewhere than crates.io: depend on a published version',
  },
  {
    rule: 'lock-host',
    files: /(^|\/)\.npmrc$/,
    pattern: /^\s*(@[^:]+:)?registry\s*=|_auth/,
    message: 'a registry address in the repository: leave it to the configuration of the machine',
  },
];

/** Violations in the given files (paths relative to `root`), in their order. Throws if there is no file. */
export function checkTree(root: string, paths: readonly string[], read = readText): Violation[] {
  if (paths.length === 0) throw new Error(`no file under ${root}: nothing was checked`);
  return paths.flatMap((path) => {
    const rules = LINE_RULES.filter(({ files }) => files.test(path));
    const isSource = /^(src|native|tools|bench|test)\/.*\.(ts|rs)$/.test(path);
    if (rules.length === 0 && !isSource) return [];
    const lines = read(join(root, path)).split('\n');
    return [
      ...checkLines(path, lines, rules),
      ...(isSource ? checkLength(path, lines) : []),
      ...(path.endsWith('.rs') ? checkNapi(path, lines) : []),
    ];
  });
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function checkLines(path: string, lines: readonly string[], rules: readonly LineRule[]): Violation[] {
  return lines.flatMap((text, index) =>
    rules
      .filter(({ pattern }) => pattern.test(text))
      .map(({ rule, message }) => ({ path, line: index + 1, rule, message })),
  );
}

function checkLength(path: string, lines: readonly string[]): Violation[] {
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (count <= MAX_FILE_LINES) return [];
  const message = `${count} lines, at most ${MAX_FILE_LINES}: one concept, one file`;
  return [{ path, line: MAX_FILE_LINES + 1, rule: 'file-length', message }];
}

/** A panic that reaches the border of a `#[napi]` function without `catch_unwind` aborts the whole process. */
function checkNapi(path: string, lines: readonly string[]): Violation[] {
  const violations: Violation[] = [];
  const text = lines.join('\n');
  for (const match of text.matchAll(/^[ \t]*#\[napi\b([^\]]*)\]((?:\s*(?:#\[[^\]]*\]|\/\/[^\n]*))*)\s*([^\n]*)/gm)) {
    const [, napiArguments = '', , item = ''] = match;
    const isFunction = /^(pub(\([^)]*\))?\s+)?(async\s+)?(unsafe\s+)?fn\b/.test(item);
    if (!isFunction || /\bcatch_unwind\b/.test(napiArguments)) continue;
    const line = text.slice(0, match.index).split('\n').length;
    violations.push({
      path,
      line,
      rule: 'napi-panic',
      message: 'write #[napi(catch_unwind)]: a panic here ends the process',
    });
  }
  return violations;
}

/** What the repository holds or would hold after `git add`: ignored files are nobody's concern. */
function listRepositoryFiles(root: string): string[] {
  const output = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return output
    .split('\0')
    .filter((path) => path !== '' && !path.startsWith('test/fixtures/') && existsSync(join(root, path)));
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  process.exitCode = printViolations('tree rules', checkTree(root, listRepositoryFiles(root)));
}
