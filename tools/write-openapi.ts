/** Writes docs/openapi.json from the endpoints of src/api; a test asserts that it is current. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openApiDocument } from '../src/api/openapi.ts';

export const OPENAPI_PATH = join(resolve(import.meta.dirname, '..'), 'docs/openapi.json');

export function renderOpenApi(): string {
  return `${JSON.stringify(openApiDocument(), undefined, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(OPENAPI_PATH, renderOpenApi());
  console.log(`wrote ${OPENAPI_PATH}`);
}
