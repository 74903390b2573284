/** What the client takes from Node to be faster: connections that stay open, cryptography of OpenSSL. */
export { nodeBackend } from '../crypto/node.ts';
export { nodeSend } from './node-send.ts';
