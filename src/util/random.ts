/** Unpredictable bytes: the operating system's generator in production, a seeded one in the simulator. */
export interface Random {
  bytes(length: number): Uint8Array;
}
