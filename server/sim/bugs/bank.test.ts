import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { bank } from './bank.ts';
import { planted } from './bug.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const sourceOf = (file: string) => readFileSync(join(root, file), 'utf8');

test('every bug has its place in the product of today, and what it makes of it is a program', () => {
  for (const bug of bank) stripTypeScriptTypes(planted(bug, sourceOf(bug.file)));
  assert.ok(bank.length >= 30);
  assert.equal(new Set(bank.map(({ id }) => id)).size, bank.length);
});

test('the product knows nothing of the bugs', () => {
  for (const { file } of bank) assert.doesNotMatch(sourceOf(file), /planted|HELIU_PLANTED/i);
});
