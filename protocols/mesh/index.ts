// Law: the door of the mesh room: who the members are, by which record, under which epoch.
export {
  configHash,
  decodeConfig,
  decodeGenesis,
  type EpochConfig,
  encodeConfig,
  encodeGenesis,
  type Genesis,
  maxMembers,
  type Member,
  meshIdOf,
} from './config.ts';
