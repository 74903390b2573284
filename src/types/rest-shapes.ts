import Type from 'typebox';

/** Pieces of the shapes of the public API. */

export const strict = { additionalProperties: false } as const;
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const AsOfCommit = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'the answer holds up to and including this commit',
});
export const U64 = Type.String({ pattern: '^(0|[1-9][0-9]{0,19})$', description: 'u64 in decimal' });
export const Id = Type.String({ pattern: '^[0-9a-f]{64}$', description: '32 bytes in lower-case hexadecimal' });
export const Name = Type.String({ maxLength: 128 });
export const Text = Type.String();
export const Bytes = Type.String({ pattern: '^[0-9a-f]*$', description: 'bytes in lower-case hexadecimal' });
export const DagBlockRef = Type.Object({ round: Count, author: Count, id: Id }, strict);
/** What a block and its summary both say. */
export const BLOCK_HEAD = {
  height: Type.Integer({ minimum: 0, description: 'the index of the commit' }),
  hash: Id,
  previousHash: Id,
  epoch: Count,
  timeMs: Count,
  leader: DagBlockRef,
};
/** Where the next page starts. */
export const Next = Type.Union([Count, Type.Null()], { description: '`from` of the next page, null at the end' });

export function hexText(minBytes: number, maxBytes: number, description: string) {
  const lengths = { minLength: 2 * minBytes, maxLength: 2 * maxBytes };
  return Type.String({ ...lengths, pattern: '^[0-9a-f]*$', description: `${description}, in lower-case hexadecimal` });
}
