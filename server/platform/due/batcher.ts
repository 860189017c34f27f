/** Puts an item into the next batch; settles with it. */
export type Batcher<Item> = (item: Item) => Promise<void>;

type Entry<Item> = { readonly item: Item; readonly resolve: () => void; readonly reject: (error: unknown) => void };

/**
 * Writes items in batches without making anyone wait for a batch to fill: while one is being written the next one gathers,
 * so a single item goes at once and a thousand at a time go in a few statements. Fails the items of a batch that failed.
 */
export function createBatcher<Item>(batch_max: number, write: (items: readonly Item[]) => Promise<void>): Batcher<Item> {
  let gathered: Entry<Item>[] = [];
  let writing = false;

  const drain = async () => {
    writing = true;
    while (gathered.length > 0) {
      const batch = gathered.slice(0, batch_max);
      gathered = gathered.slice(batch_max);
      try {
        await write(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    writing = false;
  };

  return (item) =>
    new Promise((resolve, reject) => {
      gathered.push({ item, resolve, reject });
      if (!writing) void drain();
    });
}
