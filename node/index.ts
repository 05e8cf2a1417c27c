// Law: the door of a node: start one, found a mesh, join one.
export { createMesh, type JoinOptions, JoinRefused, joinMesh, type MeshOptions } from './founding.ts';
export { type NodeOptions, type RunningNode, startNode } from './node.ts';
