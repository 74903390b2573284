import type { TObject, TSchema } from 'typebox';
import * as rest from '../types/rest.ts';
import * as restChain from '../types/rest-chain.ts';
import { REST_ERRORS, type RestErrorCode } from '../types/rest-errors.ts';
import * as restEvents from '../types/rest-events.ts';
import { ENDPOINTS, type Endpoint } from './endpoints.ts';

type Json = Record<string, unknown>;

/** Every route can answer with these; those that take a body, a path parameter or a query also with the ones about it. */
export const COMMON_ERRORS = [
  'BAD_REQUEST',
  'INVALID_QUERY',
  'METHOD_NOT_ALLOWED',
  'REQUEST_TIMEOUT',
  'RATE_LIMITED',
  'HEADERS_TOO_LARGE',
  'STOPPING',
  'INTERNAL',
] as const satisfies readonly RestErrorCode[];

const PARAMETER_ERRORS = ['INVALID_PARAMETER', 'URI_TOO_LONG'] as const satisfies readonly RestErrorCode[];
const BODY_ERRORS = [
  'INVALID_JSON',
  'JSON_LIMIT',
  'DUPLICATE_KEY',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
] as const satisfies readonly RestErrorCode[];

/** The version of the API, not of the program: a change that breaks a client is `/v2`. */
const API_VERSION = '1.0.0';

const COMPONENTS: readonly TSchema[] = [rest, restChain, restEvents].flatMap((module) =>
  Object.values(module).filter((value) => isTitled(value)),
);

/** OpenAPI 3.1 of the public API, made from the very table and schemas that the server uses. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const [operationId, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const method = endpoint.method.toLowerCase();
    paths[endpoint.path] = { ...paths[endpoint.path], [method]: operation(operationId, endpoint) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'AV10-7 validator: public API',
      version: API_VERSION,
      description: `Bodies are at most ${rest.MAX_BODY_BYTES} bytes. Errors are RFC 9457 problems; the code decides, docs/api.md lists them.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas: Object.fromEntries(COMPONENTS.map((schema) => [titleOf(schema), inlined(schema, schema)])) },
  };
}

/** Every code that a route can answer with. */
export function errorsOf(endpoint: Endpoint): readonly RestErrorCode[] {
  return [
    ...COMMON_ERRORS,
    ...(endpoint.params === undefined ? [] : PARAMETER_ERRORS),
    ...(endpoint.headers === undefined ? [] : (['INVALID_HEADER'] as const)),
    ...(endpoint.body === undefined ? [] : BODY_ERRORS),
    ...endpoint.errors,
  ];
}

function operation(operationId: string, endpoint: Endpoint): Json {
  const { summary, params, query, headers, body } = endpoint;
  const parameters = [
    ...parametersIn('path', params),
    ...parametersIn('query', query),
    ...parametersIn('header', headers),
    ...(endpoint.hasEtag === true ? [IF_NONE_MATCH] : []),
  ];
  return {
    operationId,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: { ...answers(endpoint), ...problems(endpoint) },
    ...(endpoint.media === 'text/event-stream' ? { 'x-events': inlined(restEvents.EVENT_DATA) } : {}),
  };
}

const IF_NONE_MATCH = {
  name: 'if-none-match',
  in: 'header',
  required: false,
  schema: { type: 'string', description: 'the etag of an answer that was kept' },
} as const;

function parametersIn(place: 'path' | 'query' | 'header', schema: TObject | undefined): Json[] {
  if (schema === undefined) return [];
  const required: readonly string[] = schema.required ?? [];
  return Object.entries(schema.properties).map(([name, property]) => {
    return { name, in: place, required: required.includes(name), schema: inlined(property) };
  });
}

function requestBody({ json, binary }: NonNullable<Endpoint['body']>): Json {
  const content = {
    'application/octet-stream': { schema: { type: 'string', format: 'binary', description: binary } },
    'application/json': { schema: inlined(json) },
  };
  return { required: true, content };
}

function answers({ answers: schemas, summary, media, hasEtag }: Endpoint): Json {
  const entries = Object.entries(schemas).map(([status, schema]) => {
    const headers = hasEtag ? { headers: { etag: { schema: { type: 'string' } } } } : {};
    return [
      status,
      { description: summary, ...headers, content: { [media ?? 'application/json']: { schema: inlined(schema) } } },
    ];
  });
  const kept = hasEtag ? { 304: { description: 'the answer is the one that if-none-match names' } } : {};
  return { ...Object.fromEntries(entries), ...kept };
}

/** Codes that share a status share a response; a status that has an answer of its own keeps that. */
function problems(endpoint: Endpoint): Json {
  const byStatus = new Map<number, RestErrorCode[]>();
  for (const code of errorsOf(endpoint)) {
    const { status } = REST_ERRORS[code];
    if (status in endpoint.answers) continue;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const schema = inlined(rest.Problem);
  const entries = [...byStatus].map(([status, codes]) => {
    return [status, { description: codes.join(', '), content: { 'application/problem+json': { schema } } }];
  });
  return Object.fromEntries(entries);
}

/** A copy in which every titled schema except `self` is a reference to its component. */
function inlined(value: unknown, self?: TSchema): unknown {
  if (isTitled(value) && value !== self) return { $ref: `#/components/schemas/${titleOf(value)}` };
  if (Array.isArray(value)) return value.map((item) => inlined(item, self));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inlined(item, self)]));
}

function isTitled(value: unknown): value is TSchema {
  return typeof value === 'object' && value !== null && 'title' in value && typeof value.title === 'string';
}

function titleOf(schema: TSchema): string {
  return (schema as { readonly title: string }).title;
}
