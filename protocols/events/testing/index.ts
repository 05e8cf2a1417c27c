// Law: the door of the events' test room: the suite that every carrier passes. Production code does not come here.
export { type BusesUnderTest, checkOrder, type EventBusHarness, eventBusContract } from './contract.ts';
