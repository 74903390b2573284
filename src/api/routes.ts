import http from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { addressSource } from '../pipeline/address-source.ts';
import type { RestErrorCode } from '../types/rest-errors.ts';
import { PAGE_POLICY } from './documentation-page.ts';
import { ENDPOINTS, type Endpoint, type Handlers, type OperationId } from './endpoints.ts';
import { RestError } from './errors.ts';
import { etagOf, isKept } from './etag.ts';

const UTF_8 = 'charset=utf-8';
const JSON_TYPE = `application/json; ${UTF_8}`;
/** All that Node reads, so that a route refuses each by name; CONNECT has no path and never comes to a route. */
const METHODS = http.METHODS.filter((method) => method !== 'CONNECT');

/** Every endpoint with its handler, and for each path a refusal of the methods that no endpoint takes. */
export function addRoutes(app: FastifyInstance, handlers: Handlers): void {
  for (const method of METHODS) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  const methodsByPath = new Map<string, Set<string>>();
  for (const [operation, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const path = endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const methods = methodsByPath.get(path) ?? new Set();
    methodsByPath.set(path, methods.add(endpoint.method));
    // The head of a stream cannot be had without opening it.
    const hasHead = endpoint.method === 'GET' && endpoint.media !== 'text/event-stream';
    if (hasHead) methods.add('HEAD');
    app.route({
      method: endpoint.method,
      url: path,
      exposeHeadRoute: hasHead,
      config: { operation },
      handler: answering(endpoint, handlers[operation as OperationId] as AnyHandler),
    });
  }
  for (const [url, allowed] of methodsByPath) {
    const allow = [...allowed].join(', ');
    const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<never> => {
      reply.header('allow', allow);
      throw new RestError('METHOD_NOT_ALLOWED', `the route takes ${allow}`, { method: request.method });
    };
    const method = METHODS.filter((candidate) => !allowed.has(candidate));
    app.route({ method: method as HTTPMethods[], url, onRequest: refuse, handler: refuse });
  }
}

/** A handler after its type was checked against the endpoint's: the loop over all of them cannot name it any more. */
type AnyHandler = (input: unknown) => Promise<{ status: number; body: unknown }>;

function answering(endpoint: Endpoint, handler: AnyHandler) {
  const params = checker('INVALID_PARAMETER', 'parameter', endpoint.params);
  const query = checker('INVALID_QUERY', 'parameter', endpoint.query ?? NO_QUERY);
  const headers = checker('INVALID_HEADER', 'header', endpoint.headers);
  const json = checker('INVALID_BODY', 'path', endpoint.body?.json);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<string | Readable> => {
    params(request.params);
    query(request.query);
    headers(request.headers);
    if (!(request.body instanceof Uint8Array)) json(request.body);
    const source = addressSource(request.ip);
    const { status, body } = await handler({
      params: request.params,
      query: request.query,
      headers: request.headers,
      body: request.body,
      source,
    });
    reply.code(status).header('content-type', endpoint.media === undefined ? JSON_TYPE : `${endpoint.media}; ${UTF_8}`);
    if (endpoint.media === 'text/html') reply.header('content-security-policy', PAGE_POLICY);
    if (body instanceof Readable) return body;
    const text = endpoint.media === undefined ? JSON.stringify(body) : String(body);
    return endpoint.hasEtag === true ? unlessKept(request, reply, text) : text;
  };
}

/** Nothing but 304 if the client has exactly this answer already. */
function unlessKept(request: FastifyRequest, reply: FastifyReply, text: string): string {
  const etag = etagOf(text);
  reply.header('etag', etag).header('cache-control', 'no-cache');
  if (!isKept(request.headers['if-none-match'], etag)) return text;
  reply.code(304).removeHeader('content-type');
  return '';
}

const NO_QUERY = { type: 'object', additionalProperties: false } as const;

/** Throws the code, naming the first place that does not fit. */
function checker(code: RestErrorCode, label: string, schema: TSchema | undefined): (value: unknown) => void {
  if (schema === undefined) return () => undefined;
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return;
    const [first] = compiled.Errors(value);
    const place = first?.instancePath ?? '';
    const fields = { [label]: label === 'path' ? place : place.slice(1) };
    throw new RestError(code, `${place || 'the whole'}: ${first?.message ?? 'not of this shape'}`, fields);
  };
}
