import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { ApiTls } from '../api/index.ts';
import { errorText } from '../util/errors.ts';
import type { NodeConfig } from './config.ts';
import { NodeError } from './errors.ts';

/**
 * Certificate and key of the API; none where none is configured.
 * @throws NodeError TLS_FILES if they cannot be read or do not belong together
 */
export async function readTlsFiles({ tlsCert, tlsKey }: NodeConfig): Promise<ApiTls | undefined> {
  if (tlsCert === '' && tlsKey === '') return undefined;
  try {
    if (tlsCert === '' || tlsKey === '') throw new Error('--tls-cert and --tls-key are given together');
    const [cert, key] = await Promise.all([readFile(tlsCert), readFile(tlsKey)]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const message = `the API cannot use certificate '${tlsCert}' with key '${tlsKey}': ${errorText(cause)}`;
    throw new NodeError('TLS_FILES', message, { cert: tlsCert, key: tlsKey }, { cause });
  }
}
