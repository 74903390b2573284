import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { addressSource } from '../pipeline/address-source.ts';
import type { RestErrorCode } from '../types/rest-errors.ts';
import { ENDPOINTS, type Endpoint, type Handlers, type OperationId } from './endpoints.ts';
import { RestError } from './errors.ts';

const JSON_TYPE = 'application/json; charset=utf-8';
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** Every endpoint with its handler, and for each path a refusal of the methods that no endpoint takes. */
export function addRoutes(app: FastifyInstance, handlers: Handlers): void {
  const methodsByPath = new Map<string, Set<string>>();
  for (const [operation, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const path = endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const methods = methodsByPath.get(path) ?? new Set();
    methodsByPath.set(path, methods.add(endpoint.method));
    if (endpoint.method === 'GET') methods.add('HEAD');
    app.route({
      method: endpoint.method,
      url: path,
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
    app.route({ method, url, onRequest: refuse, handler: refuse });
  }
}

/** A handler after its type was checked against the endpoint's: the loop over all of them cannot name it any more. */
type AnyHandler = (input: unknown) => Promise<{ status: number; body: unknown }>;

function answering(endpoint: Endpoint, handler: AnyHandler) {
  const params = checker('INVALID_PARAMETER', 'parameter', endpoint.params);
  const query = checker('INVALID_QUERY', 'parameter', endpoint.query ?? NO_QUERY);
  const json = checker('INVALID_BODY', 'path', endpoint.body?.json);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    params(request.params);
    query(request.query);
    if (!(request.body instanceof Uint8Array)) json(request.body);
    const source = addressSource(request.ip);
    const { status, body } = await handler({
      params: request.params,
      query: request.query,
      body: request.body,
      source,
    });
    reply.code(status).header('content-type', JSON_TYPE);
    return JSON.stringify(body);
  };
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
