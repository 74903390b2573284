import { encodeGenesis } from '../params/genesis.ts';
import type { NodeService } from '../replica/service.ts';
import type { Network, Validators } from '../types/rest.ts';
import type { Statistics } from '../types/rest-chain.ts';
import { documentationPage } from './documentation-page.ts';
import type { Handlers } from './endpoints.ts';
import { openApiDocument } from './openapi.ts';
import { healthView, readinessView, statusView } from './views.ts';

type NodeHandlers = Pick<
  Handlers,
  | 'getValidators'
  | 'getNetwork'
  | 'getStatus'
  | 'getStatistics'
  | 'getHealth'
  | 'getReadiness'
  | 'getLiveness'
  | 'getOpenApi'
  | 'getDocumentation'
>;

export function nodeHandlers(service: NodeService): NodeHandlers {
  const network = networkView(service);
  const openApi = openApiDocument();
  const page = documentationPage(openApi);
  return {
    getValidators: () => ({ status: 200, body: validatorsView(service) }),
    getNetwork: () => ({ status: 200, body: network }),
    getStatus: () => ({ status: 200, body: statusView(service.status()) }),
    getHealth() {
      const { health } = service.status();
      return { status: health.status === 'healthy' ? 200 : 503, body: healthView(health) };
    },
    getReadiness() {
      const body = readinessView(service.status().readiness);
      return { status: Object.values(body).every((flag) => flag.ok) ? 200 : 503, body };
    },
    getLiveness: () => ({ status: 200, body: { status: 'alive' } }),
    getStatistics: () => ({ status: 200, body: statisticsView(service) }),
    getOpenApi: () => ({ status: 200, body: openApi }),
    getDocumentation: () => ({ status: 200, body: page }),
  };
}

/** The genesis as it was written: re-encoding it gives the bytes that the network id is the hash of. */
function networkView({ genesis }: NodeService): Network {
  const bytes = encodeGenesis({ ...genesis, members: genesis.committee.members });
  return { networkId: genesis.networkId, genesis: JSON.parse(new TextDecoder().decode(bytes)) };
}

function statisticsView(service: NodeService): Statistics {
  const { commit, since, applied, dropped, transfers, accounts } = service.statistics();
  const { health, mempool } = service.status();
  const transactions = { applied, dropped, waiting: mempool.transactions };
  return { commit, since, commits: commit - since, transactions, transfers, accounts, tps: health.tps };
}

function validatorsView(service: NodeService): Validators {
  const { committee, own } = service;
  const { peers, round, lastCommit } = service.status();
  const validators = committee.members.map(({ validatorId, name, power, peerId, address }, author) => {
    const facts = { author, validatorId, name, power, peerId, address };
    if (author === own) return { ...facts, own: true, linked: true, highestRound: round, lastSeenMs: null };
    const peer = peers.find((candidate) => candidate.author === author);
    const { linked = false, highestRound = 0, lastSeenMs = null } = peer ?? {};
    return { ...facts, own: false, linked, highestRound, lastSeenMs };
  });
  const { totalPower, quorum, validity, f } = committee;
  return { commit: lastCommit, totalPower, quorum, validity, faultsTolerated: f, validators };
}
