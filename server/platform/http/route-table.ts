import type { Operation } from '@heliu/contract';

/** The methods that a path of the API takes, whatever its parameters; empty when there is no such path. */
export function allowedMethods(operations: readonly Operation[], target: string): string[] {
  const path = target.split('?', 1)[0] as string;
  return [...new Set(operations.filter((operation) => matches(operation.path, path)).map((operation) => operation.method))].sort();
}

function matches(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  return wanted.length === given.length && wanted.every((step, i) => step === given[i] || (step.startsWith('{') && given[i] !== ''));
}
