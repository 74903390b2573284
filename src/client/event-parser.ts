import { Av10ApiError } from './errors.ts';

/** One block of a stream of server-sent events. */
export interface ServerEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

/** The transfers of a full batch to one account are 350 kB. */
const MAX_EVENT_CHARS = 4 * 1024 * 1024;

/**
 * Server-sent events (HTML standard, 9.2) as the API writes them: three fields, one line each.
 * @throws Av10ApiError MALFORMED_ANSWER for an event without an end
 */
export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n', start)) {
      const event = parseBlock(text.slice(start, end));
      if (event !== undefined) yield event;
      start = end + 2;
    }
    text = text.slice(start);
    if (text.length > MAX_EVENT_CHARS)
      throw new Av10ApiError('MALFORMED_ANSWER', 'an event without an end', { path: '/v1/events' });
  }
}

/** Comments and fields that are not known are passed over, as the standard says. */
function parseBlock(block: string): ServerEvent | undefined {
  const fields = { id: '', event: '', data: '' };
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    if (name === 'id' || name === 'event' || name === 'data') fields[name] = line.slice(colon + 1).replace(/^ /, '');
  }
  return fields.event === '' ? undefined : { id: fields.id, name: fields.event, data: fields.data };
}
