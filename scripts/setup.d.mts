/** The part of setup.mjs that tests use; it is plain JavaScript because it runs before anything is installed. */
export type LockEntry = {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
};
export type Lock = { readonly packages: Readonly<Record<string, LockEntry>> };
export type Machine = { readonly os: string; readonly cpu: string; readonly libc: string | undefined; readonly development: boolean };
export function missingPackages(lock: Lock, installed: Lock, machine: Machine): string[];
