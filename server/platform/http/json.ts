import { isUtf8 } from 'node:buffer';
import { createScanner, visit } from 'jsonc-parser';
import { json_depth_max } from '../../kernel/limits.ts';
import { type Refusal, refuse } from '../../kernel/refusal.ts';

/**
 * Only these two spellings: a parser that guesses at others is a parser that a second system reads otherwise.
 * Charset is accepted because many clients send it, and only as UTF-8.
 */
const content_type_form = /^application\/json(?:; ?charset=(?:utf-8|UTF-8))?$/;

export const isJsonContentType = (content_type: string | undefined): boolean => content_type !== undefined && content_type_form.test(content_type);

/** The kinds of token that matter here; jsonc-parser has them as an ambient const enum, which erasable TypeScript cannot read. */
const token_kinds = { open_brace: 1, close_brace: 2, open_bracket: 3, close_bracket: 4, comma: 5, string: 10, number: 11, end: 17 } as const;

/** Names that reach into JavaScript objects. No field of the API has one, so nothing is lost by refusing them. */
const reserved_keys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Reads a JSON body strictly: well-formed UTF-8, no key twice (`JSON.parse` keeps the last and another reader the first),
 * numbers that are plain safe integers, no reserved key, limited depth. An empty body is an empty object.
 */
export function readJson(body: Uint8Array): { readonly value: unknown } | Refusal {
  if (body.byteLength === 0) return { value: {} };
  if (!isUtf8(body)) return refuse('malformed_json');
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return depthOf(text) > json_depth_max ? too_deep : refuse('malformed_json', undefined, firstProblem(text));
  }
  return inspect(text) ?? { value };
}

type Container = { readonly keys: Set<string> | undefined; key: string | undefined; index: number };

/** Walks the tokens of a text that is known to be valid JSON, without recursion. */
function inspect(text: string): Refusal | undefined {
  const scanner = createScanner(text, true);
  const open: Container[] = [];
  let token: number = scanner.scan();
  while (token !== token_kinds.end) {
    const inside = open.at(-1);
    switch (token) {
      case token_kinds.open_brace:
      case token_kinds.open_bracket:
        if (open.length === json_depth_max) return too_deep;
        open.push({ keys: token === token_kinds.open_brace ? new Set() : undefined, key: undefined, index: 0 });
        break;
      case token_kinds.close_brace:
      case token_kinds.close_bracket:
        open.pop();
        break;
      case token_kinds.comma:
        if (inside) {
          inside.key = undefined;
          inside.index += 1;
        }
        break;
      case token_kinds.string: {
        // In an object, the first string after `{` or `,` is a key.
        if (inside?.keys === undefined || inside.key !== undefined) break;
        const key = scanner.getTokenValue();
        inside.key = key;
        if (reserved_keys.has(key)) return refuse('parameter_unknown', pathOf(open));
        if (inside.keys.has(key)) return refuse('duplicate_json_key', pathOf(open));
        inside.keys.add(key);
        break;
      }
      case token_kinds.number: {
        const problem = numberProblem(scanner.getTokenValue());
        if (problem) return refuse(problem, pathOf(open));
        break;
      }
    }
    token = scanner.scan();
  }
  return undefined;
}

function numberProblem(literal: string): 'number_not_integer' | 'parameter_invalid' | undefined {
  if (/[.eE]/.test(literal)) return 'number_not_integer';
  return Number.isSafeInteger(Number(literal)) ? undefined : 'parameter_invalid';
}

const too_deep = refuse('parameter_invalid', undefined, {
  expected: `at most ${json_depth_max} levels of nesting`,
  expected_zh: `嵌套不超过 ${json_depth_max} 层`,
});

/** `metadata.colour`, `event_types.0`; undefined at the top. */
function pathOf(open: readonly Container[]): string | undefined {
  const steps = open.map((container) => (container.keys === undefined ? String(container.index) : (container.key ?? '')));
  return steps.length === 0 ? undefined : steps.join('.');
}

/** Where a malformed text first goes wrong, counted from 1. The visitor recurses, so the depth was checked before. */
function firstProblem(text: string): { line: number; column: number } | undefined {
  let found: { line: number; column: number } | undefined;
  visit(
    text,
    {
      onError: (_error, _offset, _length, line, column) => {
        found ??= { line: line + 1, column: column + 1 };
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
  return found;
}

/** The deepest nesting of a text that need not be valid JSON. */
function depthOf(text: string): number {
  const scanner = createScanner(text, true);
  let depth = 0;
  let deepest = 0;
  for (let token: number = scanner.scan(); token !== token_kinds.end; token = scanner.scan()) {
    if (token === token_kinds.open_brace || token === token_kinds.open_bracket) depth += 1;
    if (token === token_kinds.close_brace || token === token_kinds.close_bracket) depth -= 1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}
