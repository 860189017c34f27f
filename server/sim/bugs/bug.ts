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
  /** Which part has to notice it: seeded worlds, or the tests of these files. */
  readonly noticed_by: 'seeds' | readonly string[];
  /** Where another platform has had this very bug in public. */
  readonly seen_at?: { readonly name: string; readonly url: string };
};

/** The file's text with the bug in it. */
export function planted({ id, file, find, replace }: PlantedBug, source: string): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${id}: ${file} has its place ${parts.length - 1} times, not once`);
  return parts.join(replace);
}
