// Law: the door of a node: start one, found a mesh, join one.
export { createMesh, JoinRefused, joinMesh, type JoinOptions, type MeshOptions } from './founding.ts';
export { type NodeOptions, type RunningNode, startNode } from './node.ts';
