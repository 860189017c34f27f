import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Prometheus metrics by name; declared at first use, one registry per node. */
export type Metrics = {
  /** Adds to a counter: `metrics.count('heliu_notifications_total', { channel, result })`. */
  count(name: MetricName, labels?: Labels, by?: number): void;
  /** Observes a duration in seconds. */
  observe(name: MetricName, seconds: number, labels?: Labels): void;
  gauge(name: MetricName, value: number, labels?: Labels): void;
  /** The text for Prometheus. */
  expose(): Promise<string>;
};
export type Labels = Readonly<Record<string, string>>;
export type MetricName = `heliu_${string}`;

/** From a cached look-up to the longest call that a channel is allowed. */
const duration_buckets_s = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Metrics of one node. `process_metrics` adds memory, CPU, event loop and garbage collection of the process; it starts
 * observers that last as long as the process, so a test leaves it out.
 */
export function createMetrics(options: { readonly process_metrics: boolean }): Metrics {
  const registry = new Registry();
  if (options.process_metrics) collectDefaultMetrics({ register: registry });
  const counters = new Map<MetricName, Counter>();
  const gauges = new Map<MetricName, Gauge>();
  const histograms = new Map<MetricName, Histogram>();
  // A metric's label names are those of its first use: Prometheus wants them constant, and prom-client throws on others.
  const describe = (name: MetricName, labels: Labels) => ({
    name,
    help: name.slice('heliu_'.length).replaceAll('_', ' '),
    labelNames: Object.keys(labels),
    registers: [registry],
  });
  const declared = <M>(known: Map<MetricName, M>, name: MetricName, make: () => M): M => {
    const metric = known.get(name) ?? make();
    known.set(name, metric);
    return metric;
  };
  return {
    count: (name, labels = {}, by = 1) => declared(counters, name, () => new Counter(describe(name, labels))).inc(labels, by),
    gauge: (name, value, labels = {}) => declared(gauges, name, () => new Gauge(describe(name, labels))).set(labels, value),
    observe: (name, seconds, labels = {}) =>
      declared(histograms, name, () => new Histogram({ ...describe(name, labels), buckets: duration_buckets_s })).observe(labels, seconds),
    expose: () => registry.metrics(),
  };
}
