import { blocksIn, type Layout } from './layout.ts';

/** A DAG as bit sets: of each block what it references and its whole history, itself included. Genesis blocks are left out: no rule reads them. */
export class ModelDag {
  readonly layout: Layout;
  readonly parents: Int32Array;
  readonly history: Int32Array;
  present = 0;

  constructor(layout: Layout, from?: ModelDag) {
    this.layout = layout;
    this.parents = from?.parents.slice() ?? new Int32Array(layout.size);
    this.history = from?.history.slice() ?? new Int32Array(layout.size);
    this.present = from?.present ?? 0;
  }

  add(block: number, parents: number): void {
    let history = 1 << block;
    for (let rest = parents; rest !== 0; rest &= rest - 1) history |= this.history[lowest(rest)] as number;
    this.parents[block] = parents;
    this.history[block] = history;
    this.present |= 1 << block;
  }

  /** Takes back blocks that nothing references. */
  remove(blocks: number): void {
    this.present &= ~blocks;
  }

  /** `A1 B1' C2 <- ...`, a line a block: the language of the scenarios in test/dag. */
  describe(view = this.present): string {
    return [...blocksIn(this.present)]
      .map((block) => {
        const ancestors = [...blocksIn(this.parents[block] as number)].map((parent) => this.name(parent));
        const hidden = (view & (1 << block)) === 0 ? '   (not in the smaller view)' : '';
        return `${this.name(block)} <- ${ancestors.join(' ') || '*0'}${hidden}`;
      })
      .join('\n');
  }

  name(block: number): string {
    const copy = Math.max(0, (block % this.layout.width) - 3);
    const letter = String.fromCharCode('A'.charCodeAt(0) + this.layout.author(block));
    return `${letter}${this.layout.round(block)}${"'".repeat(copy)}`;
  }
}

function lowest(set: number): number {
  return 31 - Math.clz32(set & -set);
}
