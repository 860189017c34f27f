export function buildPos(node?: string): string | undefined;
