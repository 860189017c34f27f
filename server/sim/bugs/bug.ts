/** A test that has to fail with the bug and to pass without it, by its own title. */
export type Proof = { readonly file: string; readonly test: string };

/** A change of one place of the product, as someone could make it by mistake. */
export type PlantedBug = {
  readonly id: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** What then goes wrong for people, in a sentence. */
  readonly harm: string;
  /** Which part has to notice it: seeded worlds, or this very test. */
  readonly noticed_by: 'seeds' | Proof;
  /** Where another platform has had this very bug in public. */
  readonly seen_at?: { readonly name: string; readonly url: string };
};

/** The file's text with the bug in it. */
export function planted({ id, file, find, replace }: PlantedBug, source: string): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${id}: ${file} has its place ${parts.length - 1} times, not once`);
  return parts.join(replace);
}
