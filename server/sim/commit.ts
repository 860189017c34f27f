import { execFileSync } from 'node:child_process';

/** The commit that a run is of, so that it can be run again; with a plus when files differ from it, and empty outside a repository. */
export function commitOf(): string {
  const git = (...args: readonly string[]) =>
    execFileSync('git', [...args], { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return `${git('rev-parse', '--short=9', 'HEAD')}${git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+'}`;
  } catch {
    return '';
  }
}
