import { MAX_BATCH_ITEMS } from '../types/rest.ts';
import { errorText } from '../util/errors.ts';
import { RestError } from './errors.ts';

/** The deepest body that a route takes has three levels; the rest is room for later ones. */
const MAX_LEVELS = 8;
/** Objects, lists and commas: a full batch has three for each transaction. Without it 4 MiB of `{},` stop the node for seconds. */
const MAX_PARTS = 4 * MAX_BATCH_ITEMS;
const WHITESPACE = ' \t\n\r';

/**
 * Parses JSON in UTF-8. Refused before anything is built from it: too many levels or parts, and keys that come twice, of
 * which parsers would silently keep one, and not all parsers the same.
 * @throws RestError INVALID_JSON, JSON_LIMIT, DUPLICATE_KEY
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    checkStructure(text);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof RestError) throw error;
    throw new RestError('INVALID_JSON', errorText(error));
  }
}

/** One pass over the brackets and strings; everything else is the parser's business. */
function checkStructure(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let parts = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
      case '[':
        if (open.length === MAX_LEVELS) throw beyond('levels', MAX_LEVELS, at);
        open.push(text[at] === '{' ? new Set() : undefined);
        parts += 1;
        break;
      case ',':
        parts += 1;
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case '"': {
        const end = stringEnd(text, at);
        if (isKey(text, end)) noteKey(open.at(-1), text.slice(at, end + 1), at);
        at = end;
        break;
      }
    }
    if (parts > MAX_PARTS) throw beyond('parts', MAX_PARTS, at);
  }
}

function beyond(what: 'levels' | 'parts', limit: number, offset: number): RestError {
  return new RestError('JSON_LIMIT', `at most ${limit} ${what} allowed`, { what, limit, offset });
}

/** The closing quote: the first that an even number of backslashes precedes. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  throw new RestError('INVALID_JSON', 'a string does not end', { offset: start });
}

function isKey(text: string, end: number): boolean {
  let next = end + 1;
  while (next < text.length && WHITESPACE.includes(text[next] as string)) next += 1;
  return text[next] === ':';
}

function noteKey(keys: Set<string> | undefined, quoted: string, offset: number): void {
  const key: string = JSON.parse(quoted);
  if (keys?.has(key)) throw new RestError('DUPLICATE_KEY', 'a key comes twice', { offset });
  keys?.add(key);
}
