// Law: the door of the home room: a node's folder and how a mesh's first folders come to be.
export {
  createHome,
  type DataSet,
  type Home,
  HomeError,
  hasIdentity,
  type MeshSettings,
  type NatsSettings,
  type NodeSettings,
  openHome,
  readSocketPath,
  removeSocketPath,
  saveSocketPath,
  writeWhole,
} from './home.ts';
export { createMeshFolders, type FoundingNode, foundMesh } from './mesh-folders.ts';
export { freePorts, isFree } from './ports.ts';
