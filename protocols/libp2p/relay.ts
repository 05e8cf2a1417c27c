// Law: a member that nobody can dial is reached through members that everybody can: it keeps a reservation with each of as many relays as it
// wants, and asks for another as soon as one is lost. A relay passes on what it cannot read, for members only, and for so many at a time.
import { circuitRelayServer, circuitRelayTransport, RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { PeerId } from '@libp2p/interface';

export interface RelayOptions {
  /** Members that may be reached through this node; 0: it is no relay. */
  readonly reservations: number;
  /** Relays that this node wants to be reached through; 0: it can be dialed. */
  readonly wanted: number;
}

type TransportFactory = ReturnType<typeof circuitRelayTransport>;

/** What this module needs of the transport: it does not ask again on its own where a relay refused once. */
interface Reservations {
  reservationCount(): number;
  hasReservation(peer: PeerId): boolean;
  addRelay(peer: PeerId, type: 'discovered'): Promise<unknown>;
}

export interface Relaying {
  /** Every node has it: whoever can be dialed must still reach those who cannot. */
  readonly transport: TransportFactory;
  /** Where to listen besides the node's own addresses. */
  readonly listen: readonly string[];
  readonly service: Readonly<Record<string, ReturnType<typeof circuitRelayServer>>>;
  /** Called every few seconds with the peers that are connected and the protocols each is known to speak. */
  upkeep(peers: readonly { readonly id: PeerId; readonly protocols: readonly string[] }[]): void;
}

export function createRelaying(options: RelayOptions): Relaying {
  let reservations: Reservations | undefined;
  const make = circuitRelayTransport();
  return {
    transport(components) {
      const transport = make(components);
      reservations = (transport as unknown as { readonly reservationStore: Reservations }).reservationStore;
      return transport;
    },
    listen: Array.from({ length: options.wanted }, () => '/p2p-circuit'),
    service:
      options.reservations === 0
        ? {}
        : {
            relay: circuitRelayServer({
              reservations: {
                maxReservations: options.reservations,
                // By default a relayed connection ends after 2 minutes or 128 KiB. Members of one mesh carry their work over it; who may
                // have one, and how many there are, is what is limited.
                applyDefaultLimit: false,
              },
              maxInboundHopStreams: 4 * options.reservations,
              maxOutboundHopStreams: 4 * options.reservations,
            }),
          },
    upkeep(peers) {
      if (reservations === undefined || reservations.reservationCount() >= options.wanted) return;
      for (const { id, protocols } of peers) {
        if (!protocols.includes(RELAY_V2_HOP_CODEC) || reservations.hasReservation(id)) continue;
        // Refused, or the peer is going: the next look tries again.
        reservations.addRelay(id, 'discovered').catch(() => {});
      }
    },
  };
}

/** Whether the address leads through a relay. */
export function isRelayed(address: string): boolean {
  return address.includes('/p2p-circuit');
}
