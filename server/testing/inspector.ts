/** The debugger of a program of Node, over the protocol that browsers speak: nothing of it stands in the program. */
export type Inspector = {
  /** Undefined when the process has ended before it answered. See https://chromedevtools.github.io/devtools-protocol/v8/ */
  readonly ask: (method: string, params?: object) => Promise<Record<string, unknown> | undefined>;
  readonly close: () => void;
};

/** Attaches to the process that listens for one on this port of this machine. */
export async function openInspector(port: number): Promise<Inspector> {
  const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { webSocketDebuggerUrl: string }[];
  if (!target) throw new Error('the process has no inspector');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', reject, { once: true });
  });
  let asked = 0;
  return {
    ask: (method, params) =>
      new Promise((resolve) => {
        const id = ++asked;
        const hear = ({ data }: MessageEvent) => {
          const answer = JSON.parse(String(data)) as { id?: number; result?: Record<string, unknown> };
          if (answer.id !== id) return;
          socket.removeEventListener('message', hear);
          resolve(answer.result ?? {});
        };
        socket.addEventListener('message', hear);
        socket.addEventListener('close', () => resolve(undefined), { once: true });
        socket.send(JSON.stringify({ id, method, params }));
      }),
    close: () => socket.close(),
  };
}
