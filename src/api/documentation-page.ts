/** What the page reads of an OpenAPI document. */
interface OpenApi {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, Answer>>;
  readonly 'x-events'?: Readonly<Record<string, Schema>>;
}

interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Nothing is loaded from anywhere and nothing runs, so the page may be told so. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
code{font:.9em ui-monospace,monospace}h2,h3{margin:2.2rem 0 .4rem}h3 b{color:#27734b}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid #8884}td:first-child{white-space:nowrap}a{color:inherit}`;

/** The description of the API as a page for people. */
export function documentationPage(document: object): string {
  const { info, paths, components } = document as OpenApi;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationHtml(method, path, operation)),
  );
  const schemas = Object.entries(components.schemas).map(([name, schema]) => schemaHtml(name, schema));
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(info.title)}</title><style>${STYLE}</style>
<h1>${text(info.title)} ${text(info.version)}</h1><p>${text(info.description)}</p>
<p>For programs: <a href="/v1/openapi.json"><code>/v1/openapi.json</code></a></p>
<h2>Routes</h2>${operations.join('\n')}
<h2>Shapes</h2>${schemas.join('\n')}</html>
`;
}

function operationHtml(method: string, path: string, operation: Operation): string {
  const { operationId, summary, parameters = [], requestBody, responses } = operation;
  const events = operation['x-events'] ?? {};
  const rows = [
    ...parameters.map(({ name, in: place, schema }) => [`${place} <code>${text(name)}</code>`, typeOf(schema)]),
    ...Object.entries(requestBody?.content ?? {}).map(([media, { schema }]) => [`body ${text(media)}`, typeOf(schema)]),
    ...Object.entries(responses).map(([status, answer]) => [`answer ${text(status)}`, answerHtml(answer)]),
    ...Object.entries(events).map(([name, schema]) => [`event <code>${text(name)}</code>`, typeOf(schema)]),
  ];
  const title = `<b>${method.toUpperCase()}</b> <code>${text(path)}</code>`;
  return `<h3 id="${text(operationId)}">${title}</h3><p>${text(summary)}</p>${tableOf(rows)}`;
}

function answerHtml({ description, content = {} }: Answer): string {
  const [shape] = Object.values(content).map(({ schema }) => typeOf(schema));
  return shape === undefined ? text(description) : `${shape}: ${text(description)}`;
}

function schemaHtml(name: string, schema: Schema): string {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([property, shape]) => {
    return [`<code>${text(property)}</code>${required.has(property) ? '' : ' (optional)'}`, typeOf(shape)];
  });
  const description = schema.description === undefined ? '' : `<p>${text(schema.description)}</p>`;
  return `<h3 id="${text(name)}">${text(name)}</h3>${description}${tableOf(rows)}`;
}

function typeOf(schema: Schema): string {
  const described =
    schema.description === undefined || schema.title !== undefined ? '' : `: ${text(schema.description)}`;
  return `${bareType(schema)}${described}`;
}

function bareType({ $ref, type = 'anything', enum: values, anyOf, items, properties, pattern }: Schema): string {
  if ($ref !== undefined) {
    const name = text($ref.split('/').at(-1) ?? '');
    return `<a href="#${name}">${name}</a>`;
  }
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' or ');
  if (values !== undefined) return values.map((value) => `<code>${text(String(value))}</code>`).join(', ');
  if (items !== undefined) return `list of ${typeOf(items)}`;
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([name, field]) => `<code>${text(name)}</code> ${bareType(field)}`);
    return `{ ${fields.join(', ')} }`;
  }
  return pattern === undefined ? text(type) : `<code>${text(pattern)}</code>`;
}

function tableOf(rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  return `<table>${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('')}</table>`;
}

/** Safe between tags and in quoted attributes. */
function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
