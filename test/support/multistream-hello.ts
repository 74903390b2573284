import { LINK_ENCRYPTION } from '../../src/network/tls-encrypter.ts';

/** How a dialler asks for the encryption of validator links; a validator that grants it answers with the same bytes. */
export function multistreamHello(): Buffer {
  return Buffer.concat(['/multistream/1.0.0', LINK_ENCRYPTION].map(line));
}

function line(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length + 1), Buffer.from(`${text}\n`)]);
}
