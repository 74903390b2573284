/** Why a network, or one of its validators, does not move. The order is that of the answer: what others may follow from comes first. */
export const CAUSE_CODES = [
  /** It runs with another genesis. */
  'OTHER_NETWORK',
  /** It stopped because going on could break a promise. */
  'HALTED',
  /** Its disk refuses or stands. */
  'DISK',
  /** Its clock is not the one of the others. */
  'CLOCK',
  /** No process listens. */
  'DOWN',
  /** Its process is there and does not answer. */
  'STOPPED',
  /** Validators that run have no path to each other. */
  'PARTITION',
  /** A handshake or greeting between two validators is refused. */
  'LINK_REFUSED',
  /** No path to it, and nothing to tell a dead machine from a cut network. */
  'UNREACHABLE',
  /** It is linked and heard, and makes no blocks. */
  'MUTE',
  /** Checkpoints get no quorum of equal votes. */
  'ROOTS',
  /** It asks the others what its identity signed. */
  'RECOVERY',
  /** It takes over commits that it missed. */
  'SYNCING',
] as const;

export type CauseCode = (typeof CAUSE_CODES)[number];

export interface Cause {
  readonly code: CauseCode;
  /** Names of the validators it is about. */
  readonly validators: readonly string[];
  readonly finding: string;
  readonly advice: string;
}

const ADVICE: Readonly<Record<CauseCode, string>> = {
  OTHER_NETWORK:
    'give it the genesis.json and accounts.bin of the others; `av10 genesis check` prints the network id of a file',
  HALTED: 'keep its data folder, read its log, see docs/troubleshooting.md before it is started again',
  DISK: 'make space or mend the disk: it goes on by itself',
  CLOCK: 'run a time service (chrony, systemd-timesyncd) there',
  DOWN: 'start it; its log says why it ended',
  STOPPED: 'look at its process and machine (stopped, swapping, hanging): let it go on, or end it and start it again',
  PARTITION: 'look at firewalls, routes and the addresses in genesis and --peer-addresses',
  LINK_REFUSED: 'docs/troubleshooting.md lists the codes',
  UNREACHABLE: 'its machine is off or the network to it is cut: ask its API with --url from where it is reachable',
  MUTE: 'ask it itself: `av10 why --url` with its API',
  ROOTS: 'read the logs of those validators; one that signed another state diverged: see docs/troubleshooting.md',
  RECOVERY: 'nothing to do while its peers run; with few of them it waits for the rest',
  SYNCING: 'nothing to do',
};

export function cause(code: CauseCode, validators: readonly string[], finding: string): Cause {
  return { code, validators, finding, advice: ADVICE[code] };
}
