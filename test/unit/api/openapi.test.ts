import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ENDPOINTS, type Endpoint } from '../../../src/api/endpoints.ts';
import { errorsOf, openApiDocument } from '../../../src/api/openapi.ts';
import * as rest from '../../../src/types/rest.ts';
import { REST_ERRORS } from '../../../src/types/rest-errors.ts';
import { EVENT_KINDS } from '../../../src/types/rest-events.ts';
import { OPENAPI_PATH, renderOpenApi } from '../../../tools/write-openapi.ts';
import { testApi } from '../../support/api-requests.ts';
import { StubService, stubNetwork } from '../../support/stub-service.ts';

interface Operation {
  readonly 'x-events'?: Record<string, unknown>;
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: unknown }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: unknown }> };
  readonly responses: Record<
    string,
    { readonly description: string; readonly content?: Record<string, { readonly schema: unknown }> }
  >;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}

const document = JSON.parse(JSON.stringify(openApiDocument())) as Document;

describe('the OpenAPI document', () => {
  it('is the one in docs/openapi.json', () => {
    assert.equal(
      readFileSync(OPENAPI_PATH, 'utf8'),
      renderOpenApi(),
      'run node_modules/.bin/node tools/write-openapi.ts',
    );
  });

  it('is what the node serves', async () => {
    const api = testApi(new StubService(await stubNetwork()));
    assert.deepEqual(JSON.parse((await api.inject({ url: '/v1/openapi.json' })).body), document);
  });

  it('describes every endpoint with its parameters, its body and all its answers', () => {
    const described = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    assert.deepEqual(described.sort(), Object.keys(ENDPOINTS).sort());
    for (const endpoint of Object.values<Endpoint>(ENDPOINTS)) {
      const operation = document.paths[endpoint.path]?.[endpoint.method.toLowerCase()] as Operation;
      const names = [
        ...Object.keys(endpoint.params?.properties ?? {}),
        ...Object.keys(endpoint.query?.properties ?? {}),
        ...Object.keys(endpoint.headers?.properties ?? {}),
        ...(endpoint.hasEtag === true ? ['if-none-match'] : []),
      ];
      assert.deepEqual(
        (operation.parameters ?? []).map(({ name }) => name),
        names,
      );
      assert.deepEqual(
        endpoint.path.match(/\{\w+\}/g) ?? [],
        Object.keys(endpoint.params?.properties ?? {}).map((name) => `{${name}}`),
      );
      assert.equal(operation.requestBody !== undefined, endpoint.method === 'POST');
      for (const status of Object.keys(endpoint.answers))
        assert.ok(operation.responses[status]?.content?.[endpoint.media ?? 'application/json']);
      assert.equal('304' in operation.responses, endpoint.hasEtag === true, operation.operationId);
      for (const code of errorsOf(endpoint)) {
        const { status } = REST_ERRORS[code];
        if (status in endpoint.answers) continue;
        assert.ok(
          operation.responses[status]?.description.split(', ').includes(code),
          `${operation.operationId} ${code}`,
        );
      }
    }
  });

  it('names every code of the table somewhere', () => {
    const named = new Set(Object.values<Endpoint>(ENDPOINTS).flatMap((endpoint) => errorsOf(endpoint)));
    assert.deepEqual(
      Object.keys(REST_ERRORS).filter((code) => !named.has(code as never)),
      ['NOT_FOUND'],
    );
  });

  it('has a component for each reference, made of the very schema that the server checks with', () => {
    const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    const names = new Set([...references].map(([, name]) => name as string));
    assert.ok(names.size > 10);
    for (const name of names) assert.ok(name in document.components.schemas, name);
    const { Health } = document.components.schemas;
    assert.deepEqual(Health, JSON.parse(JSON.stringify(rest.Health)));
  });

  it('names the shape of each kind of event', () => {
    const events = document.paths['/v1/events']?.get?.['x-events'] ?? {};
    assert.deepEqual(Object.keys(events), [...EVENT_KINDS, 'heartbeat', 'end']);
    for (const schema of Object.values(events)) assert.ok('$ref' in (schema as object));
  });
});
