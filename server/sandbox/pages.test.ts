import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const folder = new URL('../../web/sandbox/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const names = readdirSync(folder);
const { texts } = (await import(new URL('texts.js', folder).href)) as { texts: Record<string, readonly [string, string]> };

const uses = (pattern: RegExp, extension: string) =>
  names.filter((name) => name.endsWith(extension)).flatMap((name) => [...read(name).matchAll(pattern)].map((match) => ({ name, match })));

test('every text that a page or module names exists', () => {
  const named = [...uses(/data-t(?:-label|-placeholder)?="([^"]+)"/g, '.html'), ...uses(/data-title="([^"]+)"/g, '.html'), ...uses(/\bt\('([^']+)'/g, '.js')];
  assert.ok(named.length > 100, `only ${named.length} texts were found in the pages`);
  for (const { name, match } of named) assert.ok((match[1] as string) in texts, `${name} names ${match[1]}`);
});

test('every text has both languages, with the same facts in them', () => {
  const facts = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const [key, [zh, en]] of Object.entries(texts)) {
    assert.ok(zh && en, key);
    assert.deepEqual(facts(zh), facts(en), key);
  }
});

test('a page shows the Chinese text before its modules have run', () => {
  for (const { name, match } of uses(/data-t="([^"]+)"[^>]*>([^<]*)</g, '.html'))
    assert.equal(match[2], texts[match[1] as string]?.[0], `${name}: ${match[1]}`);
});

test('pages hold no inline script, style or handler and load nothing from elsewhere', () => {
  for (const name of names.filter((name) => name.endsWith('.html'))) {
    const html = read(name);
    assert.doesNotMatch(html, /<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:/i, name);
    assert.doesNotMatch(html, /(?:src|href)="(?!\/|#)/, name);
  }
  for (const { name } of uses(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/g, '.js'))
    assert.fail(`${name} makes HTML or code from text`);
  for (const { name } of uses(/@import|url\(/g, '.css')) assert.fail(`${name} loads something`);
});
