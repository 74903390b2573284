/** What the client takes from Node: connections that stay open, cryptography of OpenSSL, keystores. */
export { nodeBackend } from '../crypto/node.ts';
export { openAccountKey } from './keystore.ts';
export { nodeSend } from './node-send.ts';
