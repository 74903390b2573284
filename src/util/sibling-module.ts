/**
 * Of a module that a thread of its own starts with, next to the one that asks: `.ts` from the sources, `.js` from the build.
 *
 * @param path without its extension, e.g. `./verify-worker`
 */
export function siblingModule(path: string, importMetaUrl: string): URL {
  return new URL(`${path}${importMetaUrl.endsWith('.ts') ? '.ts' : '.js'}`, importMetaUrl);
}
