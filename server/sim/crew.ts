import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** Processes that work on jobs side by side, one job each at a time. */
export type Crew<Job, Done> = {
  /** Works through all of them; `each` hears of every one as it is done. Ends early when it says so by giving false. */
  readonly run: (jobs: Iterable<Job>, each: (done: Done, job: Job) => boolean | undefined) => Promise<void>;
  readonly close: () => void;
  /** Ends it at once, whatever it is at. */
  readonly kill: () => void;
};

export const workersDefault = (): number => availableParallelism();

/** `file` is a module beside this one that answers every message with one; `env` is added to our own. */
export function openCrew<Job extends object, Done>(file: string, size: number, env: Readonly<Record<string, string>> = {}): Crew<Job, Done> {
  const members: ChildProcess[] = Array.from({ length: size }, () =>
    fork(join(import.meta.dirname, file), {
      // What a statement leaves behind is short-lived: a larger nursery is cleared less often.
      execArgv: ['--max-old-space-size=3072', '--max-semi-space-size=64'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...env },
    }),
  );
  return {
    run: async (jobs, each) => {
      const waiting = jobs[Symbol.iterator]();
      let ended = false;
      const work = async (member: ChildProcess): Promise<void> => {
        for (;;) {
          const next = ended ? undefined : waiting.next();
          if (!next || next.done) return;
          try {
            const done = await askMember<Done>(member, next.value);
            if (each(done, next.value) === false) ended = true;
          } catch (error) {
            ended = true;
            throw error;
          }
        }
      };
      // Nobody is left at work: what it says later would be taken for the answer to the next job.
      const all = await Promise.allSettled(members.map(work));
      for (const result of all) if (result.status === 'rejected') throw result.reason;
    },
    close: () => {
      for (const member of members) if (member.connected) member.disconnect();
    },
    kill: () => {
      for (const member of members) member.kill('SIGKILL');
    },
  };
}

function askMember<Done>(member: ChildProcess, job: object): Promise<Done> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null) => reject(new Error(`a worker ended with ${code}`));
    member.once('exit', exited);
    member.once('message', (done) => {
      member.off('exit', exited);
      resolve(done as Done);
    });
    member.send(job);
  });
}
