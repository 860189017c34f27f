import { readFileSync } from 'node:fs';
import { openInspector } from '../testing/inspector.ts';

/** What Heliu's process holds at one moment, from its own metrics. */
export type Reading = {
  readonly rss_mb: number;
  readonly heap_mb: number;
  readonly open_files: number;
  readonly handles: number;
  /** Since the reading before. */
  readonly event_loop_p99_ms: number;
  readonly in_flight: number;
};

export async function readHeliu(heliu_url: string): Promise<Reading> {
  const text = await (await fetch(`${heliu_url}/metrics`)).text();
  const of = (name: string): number => {
    const value = new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`Heliu has no metric ${name}`);
    return Number(value);
  };
  return {
    rss_mb: mb(of('process_resident_memory_bytes')),
    heap_mb: mb(of('nodejs_heap_size_used_bytes')),
    open_files: of('process_open_fds'),
    handles: of('nodejs_active_resources_total'),
    event_loop_p99_ms: Math.round(of('nodejs_eventloop_lag_p99_seconds') * 10_000) / 10,
    in_flight: of('heliu_http_requests_in_flight'),
  };
}

const mb = (bytes: number): number => Math.round((bytes / 1024 / 1024) * 10) / 10;

/** The memory of a process right now, without asking it: asking costs it memory too. Linux only: zero elsewhere. */
export function rssMb(pid: number): number {
  try {
    return Math.round((Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024) * 10) / 10;
  } catch {
    return 0;
  }
}

/** What is really in use on the heap: collects garbage in a process that listens for an inspector on this port, twice, because finalizers free more. */
export async function heapAfterGcMb(inspector_port: number): Promise<number> {
  const { ask, close } = await openInspector(inspector_port);
  try {
    await ask('HeapProfiler.collectGarbage');
    await ask('HeapProfiler.collectGarbage');
    return mb(Number((await ask('Runtime.getHeapUsage'))?.usedSize));
  } finally {
    close();
  }
}
