import { once } from 'node:events';
import { createServer } from 'node:net';
import { CliError } from '../errors.ts';
import { HOST } from './layout.ts';

/** Whether nothing on this machine listens there now. */
export async function isPortFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return true;
  } catch {
    return false; // whatever the reason, a node could not listen there either
  } finally {
    server.close();
  }
}

/** @throws CliError PORT_IN_USE naming the first one that is taken */
export async function requirePortsFree(ports: readonly number[]): Promise<void> {
  const free = await Promise.all(ports.map((port) => isPortFree(HOST, port)));
  const taken = ports.find((_, i) => free[i] !== true);
  if (taken === undefined) return;
  const message = `port ${taken} is in use, perhaps by another devnet: stop it, or add --port-offset 100`;
  throw new CliError('PORT_IN_USE', message, { port: taken });
}
