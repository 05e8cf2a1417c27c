// Law: the door of the metrics room.
export { type MetricsServer, serveMetrics } from './server.ts';
