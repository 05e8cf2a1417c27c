// Law: the door of the mesh room: who the members are, by which record, under which epoch, and how a stranger asks in.
export { type ConfigLink, createMeshChain, type MeshChain } from './chain.ts';
export {
  configHash,
  decodeConfig,
  decodeGenesis,
  type EpochConfig,
  encodeConfig,
  encodeGenesis,
  type Genesis,
  type Member,
  maxMembers,
  meshIdOf,
  type Worker,
  workersOf,
} from './config.ts';
export { formatTicket, parseTicket, type Ticket, type TicketRole } from './ticket.ts';
