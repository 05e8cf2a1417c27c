// Law: the door of a node: start one, found a mesh, join one; and, for the simulator, what a node is above its World.

export { type Admittance, openAdmittance } from './admittance.ts';
export { MeshClient, StoredFiles } from './client/index.ts';
export { composeNode } from './compose.ts';
export type { ComposedNode, ComposeOptions } from './compose-contract.ts';
export { type CertifiedFile, certifiedFiles, keepEffects } from './files/index.ts';
export { createMesh, type JoinOptions, joinMesh, type MeshOptions } from './founding.ts';
export { createWorkflowServices, GatewayError, type WorkflowServices } from './gateway/index.ts';
export { createMeshFolders, freePorts } from './home/index.ts';
export { type NodeOptions, type RunningNode, startNode } from './node.ts';
export { JoinRefused, redeemTicket } from './redeem.ts';
export { createCrypto } from './world/index.ts';
