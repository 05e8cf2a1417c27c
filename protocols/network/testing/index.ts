// Law: the door of the suite that every transport passes.
export { networkContract } from './contract.ts';
export type { ContractHarness, ContractMesh } from './kit.ts';
