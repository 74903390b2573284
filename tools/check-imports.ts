/** Checks every import under src/ against tools/layers.ts: layers, neighbours, doors, unresolved files, cycles. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';
import { DETERMINISTIC_ROOMS, DOORS, LAYERS, REQUIRE_DOOR } from './layers.ts';
import { printViolations, type Violation } from './violation.ts';

interface Reference {
  readonly specifier: string;
  readonly line: number;
}

interface SourceFile {
  /** Relative to src/, with forward slashes. */
  readonly path: string;
  readonly room: string;
  readonly references: readonly Reference[];
}

/** All violations under `srcDir`, in path and line order. Throws if there is no TypeScript file at all. */
export function checkImports(srcDir: string): Violation[] {
  const files = listSourcePaths(srcDir).map((path) => readSource(srcDir, path));
  if (files.length === 0) throw new Error(`no .ts file under ${srcDir}: nothing was checked`);
  const known = new Set(files.map((file) => file.path));
  const violations = files.flatMap((file) => [
    ...checkRoom(file),
    ...file.references.flatMap((reference) => checkReference(file, reference, known)),
  ]);
  return [...violations, ...findCycles(files, known)];
}

function listSourcePaths(srcDir: string): string[] {
  if (!existsSync(srcDir)) return [];
  return readdirSync(srcDir, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
}

function readSource(srcDir: string, path: string): SourceFile {
  const text = readFileSync(join(srcDir, path), 'utf8');
  const [first = ''] = path.split('/');
  return { path, room: first.replace(/\.ts$/, ''), references: findReferences(path, text) };
}

/** Imports, re-exports, `import()` and `new URL('./x.ts', import.meta.url)`, the form in which workers are named. */
function findReferences(path: string, text: string): Reference[] {
  const parsed = parseSync(path, text);
  const [syntaxError] = parsed.errors;
  if (syntaxError !== undefined) throw new Error(`src/${path}: ${syntaxError.message}`);
  const references: Reference[] = [];
  const add = (specifier: string, offset: number): void => {
    references.push({ specifier, line: text.slice(0, offset).split('\n').length });
  };
  for (const { moduleRequest } of parsed.module.staticImports) add(moduleRequest.value, moduleRequest.start);
  for (const { entries } of parsed.module.staticExports) {
    const source = entries.find((entry) => entry.moduleRequest !== null)?.moduleRequest;
    if (source) add(source.value, source.start);
  }
  new Visitor({
    ImportExpression(node) {
      add(node.source.type === 'Literal' ? String(node.source.value) : COMPUTED, node.start);
    },
    TSImportType(node) {
      add(node.source.value, node.start);
    },
    NewExpression(node) {
      const [target, base] = node.arguments;
      const isUrl = node.callee.type === 'Identifier' && node.callee.name === 'URL';
      if (!isUrl || target?.type !== 'Literal' || base === undefined) return;
      if (text.slice(base.start, base.end) !== 'import.meta.url') return;
      const specifier = String(target.value);
      if (/\.[cm]?[jt]s$/.test(specifier)) add(specifier.startsWith('.') ? specifier : `./${specifier}`, node.start);
    },
  }).visit(parsed.program);
  return references.sort((a, b) => a.line - b.line);
}

const COMPUTED = '<computed>';

function checkRoom(file: SourceFile): Violation[] {
  if (layerOf(file.room) !== undefined) return [];
  const message = `room "${file.room}" has no layer: add it to LAYERS in tools/layers.ts`;
  return [{ path: `src/${file.path}`, line: 1, rule: 'unknown-room', message }];
}

function checkReference(file: SourceFile, reference: Reference, known: ReadonlySet<string>): Violation[] {
  const report = (rule: string, message: string): Violation[] => [
    { path: `src/${file.path}`, line: reference.line, rule, message },
  ];
  const { specifier } = reference;
  if (specifier === COMPUTED) {
    return report('computed-import', 'import() of a computed name cannot be checked: write the name as a literal');
  }
  if (!specifier.startsWith('.')) return checkPackage(file, specifier, report);

  const target = resolveRelative(file.path, specifier);
  if (target === undefined)
    return report('outside-src', `"${specifier}" leaves src/: move what is shared into src/util`);
  if (!known.has(target)) {
    return report('unresolved', `"${specifier}" does not exist: name the file with its .ts extension`);
  }
  const from = layerOf(file.room);
  const targetRoom = target.split('/')[0]?.replace(/\.ts$/, '') ?? '';
  const to = layerOf(targetRoom);
  if (targetRoom === file.room || from === undefined || to === undefined) return [];
  if (to > from) {
    return report(
      'upward',
      `${file.room} imports "${specifier}" from ${targetRoom}, a layer above: ` +
        'declare the interface it needs in its own room or below, and let the caller pass the implementation in',
    );
  }
  if (to === from) {
    return report(
      'neighbour',
      `${file.room} imports "${specifier}" from its neighbour ${targetRoom}: ` +
        'neighbours meet in src/replica or src/node, which hand one to the other',
    );
  }
  return [];
}

function checkPackage(
  file: SourceFile,
  specifier: string,
  report: (rule: string, message: string) => Violation[],
): Violation[] {
  if (specifier.startsWith('node:')) {
    if (specifier === 'node:module' && file.room !== REQUIRE_DOOR) {
      return report(
        'door',
        `"${specifier}" may be imported in src/${REQUIRE_DOOR} only: import what that room exports`,
      );
    }
    if (DETERMINISTIC_ROOMS.includes(file.room)) {
      return report(
        'deterministic',
        `"${specifier}" in the deterministic room ${file.room}: take it through an interface of src/util`,
      );
    }
    return [];
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const doors = DOORS[name] ?? DOORS[`${name.split('/')[0]}/*`];
  if (doors === undefined) {
    return report('no-door', `package "${name}" has no door: name one in DOORS of tools/layers.ts, or do without it`);
  }
  if (doors.some((door) => file.path.startsWith(`${door}/`))) return [];
  const where = doors.map((door) => `src/${door}`).join(', ');
  return report('door', `"${specifier}" may be imported in ${where} only: import what that room exports`);
}

function layerOf(room: string): number | undefined {
  const index = LAYERS.findIndex((rooms) => rooms.includes(room));
  return index === -1 ? undefined : index;
}

/** Relative to src/; undefined if it lies outside. */
function resolveRelative(fromPath: string, specifier: string): string | undefined {
  const target = relative('/src', resolve('/src', dirname(fromPath), specifier)).replaceAll('\\', '/');
  return target.startsWith('..') ? undefined : target;
}

/** One violation per cycle found by depth-first search; type-only imports count, because a reader must follow them too. */
function findCycles(files: readonly SourceFile[], known: ReadonlySet<string>): Violation[] {
  const edges = new Map(files.map((file) => [file.path, localTargets(file, known)]));
  const finished = new Set<string>();
  const trail: string[] = [];
  const violations: Violation[] = [];
  const visit = (path: string): void => {
    if (finished.has(path)) return;
    const start = trail.indexOf(path);
    if (start !== -1) {
      const cycle = [...trail.slice(start), path].join(' -> ');
      const message = `import cycle ${cycle}: move what both need into a third file below them`;
      violations.push({ path: `src/${path}`, line: 1, rule: 'cycle', message });
      return;
    }
    trail.push(path);
    for (const next of edges.get(path) ?? []) visit(next);
    trail.pop();
    finished.add(path);
  };
  for (const file of files) visit(file.path);
  return violations;
}

function localTargets(file: SourceFile, known: ReadonlySet<string>): string[] {
  return file.references
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => resolveRelative(file.path, specifier))
    .filter((target) => target !== undefined && known.has(target)) as string[];
}

if (import.meta.main) {
  process.exitCode = printViolations('imports', checkImports(resolve(import.meta.dirname, '../src')));
}
