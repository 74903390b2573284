export { Committee, committeeWarnings, type Member, validatorId } from './committee.ts';
export { ParamsError, type ParamsErrorCode } from './errors.ts';
export {
  decodeGenesis,
  encodeGenesis,
  type Genesis,
  type GenesisAccounts,
  type GenesisAsset,
  type GenesisContent,
} from './genesis.ts';
export { defaultParameters, type ProtocolParameters, parameterProblems, paramsHash } from './protocol-parameters.ts';
