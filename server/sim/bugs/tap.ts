/** What a run of tests said, by the titles of its tests and suites, innermost first. */
export type Outcomes = {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** It came to its end: one that was killed has said nothing of the tests that were left. */
  readonly ended: boolean;
};

const line_form = /^\s*(not ok|ok) \d+ - (.*)$/gm;
/** What the reporter writes behind a title that it did not run. Within a title it writes `#` with a backslash. */
const directive = / # (SKIP|TODO)\b.*$/;

/** Reads the output of `--test-reporter=tap`. */
export function readOutcomes(output: string, code: number | null): Outcomes {
  const lines = [...output.matchAll(line_form)].flatMap(([, is = '', said = '']) =>
    directive.test(said) ? [] : [{ is, title: said.replaceAll(/\\([\\#])/g, '$1') }],
  );
  return {
    passed: lines.filter(({ is }) => is === 'ok').map(({ title }) => title),
    failed: lines.filter(({ is }) => is === 'not ok').map(({ title }) => title),
    ended: code !== null,
  };
}
