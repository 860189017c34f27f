import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';

/** What a sandbox remembers of its demo merchant. It holds a demo key, so only its owner may read the file. */
const DemoFile = Type.Object(
  {
    merchant_id: Type.String(),
    api_key: Type.String(),
    /** One channel account per simulated gateway; it works as long as that gateway's journal is the one it was enrolled in. */
    accounts: Type.Array(Type.Object({ channel: Type.String(), channel_account_id: Type.String(), journal_id: Type.String() })),
    webhook_endpoint: Type.Optional(Type.Object({ id: Type.String(), url: Type.String(), secret: Type.String() })),
  },
  { additionalProperties: false },
);
export type DemoFile = Static<typeof DemoFile>;

/** The file's content; undefined when there is none or it is not one of ours, so that the sandbox starts afresh. */
export function readDemoFile(path: string): DemoFile | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Check(DemoFile, value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return undefined;
    throw error;
  }
}

/** Replaces the file as a whole: after a crash it is the old one or the new one. */
export function writeDemoFile(path: string, content: DemoFile): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
