import type { VerifiedHeader } from '../../src/types/block.ts';
import type { BlockId } from '../../src/types/ids.ts';
import type { Cluster } from '../support/cluster.ts';

const ROUNDS = 16;
const COLUMN = 90;
const ROW = 60;
const MARGIN = 50;
const RADIUS = 12;

/**
 * The newest rounds of everything the running nodes hold: a column a round, a row an author, a second block of one slot beside the first. Leaders
 * that were committed are filled, skipped ones crossed out; the number in a block counts the nodes that hold it.
 */
export function drawDag(cluster: Cluster): string {
  const cores = cluster.nodes.flatMap(({ validator }) => validator?.replica.core ?? []);
  const holders = new Map<BlockId, { readonly block: VerifiedHeader; count: number }>();
  for (const core of cores) {
    for (const block of core.blocks()) {
      const known = holders.get(block.ref.id);
      if (known === undefined) holders.set(block.ref.id, { block, count: 1 });
      else known.count += 1;
    }
  }
  const last = Math.max(1, ...holders.values().map(({ block }) => block.round));
  const first = Math.max(1, last - ROUNDS + 1);
  const shown = [...holders.values()].filter(({ block }) => block.round >= first);
  const places = placesOf(
    shown.map(({ block }) => block),
    first,
  );
  const width = 2 * MARGIN + (last - first + 1) * COLUMN;
  const height = 2 * MARGIN + cluster.genesis.committee.size * ROW;
  const edges = shown.flatMap(({ block }) => edgesOf(block, places));
  const dots = shown.map(({ block, count }) => dotOf(cluster, block, count, places));
  const rounds = Array.from({ length: last - first + 1 }, (_, i) => label(MARGIN + i * COLUMN, 20, `${first + i}`));
  const authors = cluster.genesis.committee.members.map(({ name }, i) => label(18, MARGIN + i * ROW + 4, name));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="monospace" font-size="12">`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...edges,
    ...dots,
    ...rounds,
    ...authors,
    '</svg>',
    '',
  ].join('\n');
}

type Place = { readonly x: number; readonly y: number };

function placesOf(blocks: readonly VerifiedHeader[], first: number): Map<BlockId, Place> {
  const places = new Map<BlockId, Place>();
  const taken = new Map<string, number>();
  for (const { round, author, ref } of blocks) {
    const slot = `${round} ${author}`;
    const copies = taken.get(slot) ?? 0;
    taken.set(slot, copies + 1);
    places.set(ref.id, { x: MARGIN + (round - first) * COLUMN + copies * 2 * RADIUS, y: MARGIN + author * ROW });
  }
  return places;
}

function edgesOf(block: VerifiedHeader, places: ReadonlyMap<BlockId, Place>): string[] {
  const from = places.get(block.ref.id) as Place;
  return block.ancestors.flatMap(({ id, round }) => {
    const to = places.get(id);
    if (to === undefined) return [];
    const stroke = round === block.round - 1 ? '#9ab' : '#d88';
    return [`<line x1="${from.x}" y1="${from.y}" x2="${to.x}" y2="${to.y}" stroke="${stroke}"/>`];
  });
}

function dotOf(cluster: Cluster, block: VerifiedHeader, count: number, places: ReadonlyMap<BlockId, Place>): string {
  const { x, y } = places.get(block.ref.id) as Place;
  const { size } = cluster.genesis.committee;
  const offset = (block.author + size - (block.round % size)) % size;
  const isSlot = offset < cluster.genesis.parameters.leadersPerRound;
  const decisions = cluster.nodes.flatMap(
    ({ validator }) => validator?.replica.core.statusOf({ round: block.round, offset }).decision ?? [],
  );
  const has = (end: string): boolean => isSlot && decisions.some((decision) => decision.endsWith(end));
  const fill = has('commit') ? '#8d8' : has('skip') ? '#eaa' : '#fff';
  const circle = `<circle cx="${x}" cy="${y}" r="${RADIUS}" fill="${fill}" stroke="${isSlot ? '#060' : '#678'}"/>`;
  const title = `<title>${block.author}@${block.round} ${block.ref.id.slice(0, 12)}</title>`;
  return `<g>${title}${circle}${label(x - 3, y + 4, `${count}`)}</g>`;
}

function label(x: number, y: number, text: string): string {
  return `<text x="${x}" y="${y}">${text}</text>`;
}
