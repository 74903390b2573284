import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { CodedError, errorText } from '../util/errors.ts';
import type { NativeAddon } from './native.ts';

/** `NATIVE_FAULT` is a caught panic or a call with wrong types: a bug, never bad input. */
export type AddonErrorCode = 'ADDON_MISSING' | 'NATIVE_FAULT';

const ADDON_FILE = fileURLToPath(new URL('../../native/av10.node', import.meta.url));
const BUILD_COMMAND = 'npm run build';
const CODED = /^([A-Z][A-Z0-9_]*): (.*)$/s;

let loaded: NativeAddon | undefined;

/** The native addon, loaded once per thread. There is no substitute for it: without the file this throws ADDON_MISSING. */
export function loadAddon(): NativeAddon {
  loaded ??= loadAddonFrom(ADDON_FILE);
  return loaded;
}

export function loadAddonFrom(file: string): NativeAddon {
  return withCodedErrors(requireAddon(file));
}

function requireAddon(file: string): NativeAddon {
  try {
    return createRequire(import.meta.url)(file);
  } catch (cause) {
    const message = `cannot load ${file}; build it with \`${BUILD_COMMAND}\` (${errorText(cause)})`;
    throw new CodedError<AddonErrorCode>('ADDON_MISSING', message, { file, command: BUILD_COMMAND }, { cause });
  }
}

/** The same functions, with errors taken apart at this one place. */
function withCodedErrors(addon: NativeAddon): NativeAddon {
  return Object.fromEntries(Object.entries(addon).map(([name, call]) => [name, coded(call)])) as unknown as NativeAddon;
}

type Call = (...args: unknown[]) => unknown;

function coded(call: Call): Call {
  return (...args) => {
    try {
      const result = call(...args);
      return result instanceof Promise ? result.catch(rethrowCoded) : result;
    } catch (error) {
      return rethrowCoded(error);
    }
  };
}

function rethrowCoded(error: unknown): never {
  const text = errorText(error);
  const [, code, sentence] = CODED.exec(text) ?? [];
  throw new CodedError(code ?? 'NATIVE_FAULT', sentence ?? text, {}, { cause: error });
}
