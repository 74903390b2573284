import { Problem } from '../types/rest.ts';
import { assert } from '../util/assert.ts';
import { errorText } from '../util/errors.ts';
import { hasShape } from './answer-shape.ts';
import { Av10ApiError } from './errors.ts';
import type { HttpRequest, HttpResponse, Send } from './send.ts';

/**
 * Asks one validator, and the next with the same bytes when that one does not answer in time or says that it cannot serve. Stays with the
 * one that answered: transactions of one sender belong to one validator.
 */
export class Requester {
  readonly #urls: readonly string[];
  readonly #send: Send;
  #current = 0;

  constructor(urls: readonly string[], send: Send) {
    assert(urls.length > 0, 'at least one base URL');
    this.#urls = urls.map((url) => url.replace(/\/+$/, ''));
    this.#send = send;
  }

  /** The next one is asked first from here on. */
  preferNext(): void {
    this.#current = (this.#current + 1) % this.#urls.length;
  }

  /** Base URLs, the preferred one first. */
  get urls(): readonly string[] {
    return [...this.#urls.slice(this.#current), ...this.#urls.slice(0, this.#current)];
  }

  /** @throws Av10ApiError; the field `unanswered` counts validators that may have taken the request without saying so */
  async ask(path: string, request: Omit<HttpRequest, 'url'>): Promise<unknown> {
    const reports: string[] = [];
    let problem: Av10ApiError | undefined;
    const first = this.#current;
    for (let tried = 0; tried < this.#urls.length; tried++) {
      this.#current = (first + tried) % this.#urls.length;
      const base = this.#urls[this.#current] as string;
      try {
        const response = await this.#send({ ...request, url: base + path });
        if (response.status < 500) return readAnswer(path, response);
        problem = problemOf(response);
        reports.push(`${base}: ${problem?.message ?? `status ${response.status}`}`);
      } catch (error) {
        if (error instanceof Av10ApiError)
          throw reports.length === 0 ? error : error.with({ unanswered: reports.length });
        problem = undefined;
        reports.push(`${base}: ${errorText(error)}`);
      }
    }
    if (problem !== undefined) throw problem;
    throw new Av10ApiError(
      'UNREACHABLE',
      `no validator answered ${path}: ${reports.join('; ')}`,
      {},
      { retryable: true },
    );
  }

  /** For routes whose answer with 503 is an answer: `/health` and `/ready`, of the preferred validator only. */
  async askOne(path: string, timeoutMs: number): Promise<unknown> {
    const base = this.#urls[this.#current] as string;
    const { body } = await this.#send({ method: 'GET', url: base + path, timeoutMs }).catch((cause: unknown) => {
      throw new Av10ApiError('UNREACHABLE', `${base}: ${errorText(cause)}`, {}, { retryable: true }, { cause });
    });
    return parse(path, body);
  }
}

function readAnswer(path: string, { status, body }: HttpResponse): unknown {
  const value = parse(path, body);
  if (status < 300) return value;
  if (hasShape(Problem, value)) throw Av10ApiError.fromProblem(value);
  throw new Av10ApiError('MALFORMED_ANSWER', `${path}: status ${status} without a problem`, { path }, { status });
}

function problemOf({ body }: HttpResponse): Av10ApiError | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return hasShape(Problem, value) ? Av10ApiError.fromProblem(value) : undefined;
  } catch {
    // A gateway's own page: the status is all there is to say.
    return undefined;
  }
}

function parse(path: string, body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new Av10ApiError('MALFORMED_ANSWER', `${path}: the answer is no JSON`, { path }, {}, { cause });
  }
}
