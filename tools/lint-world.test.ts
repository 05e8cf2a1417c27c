// Law: the lint that keeps the World's door sees code and only code: what stands in comments and texts is no violation, and what
// hides behind a template, a line break or a qualified name is one.
import { expect, test } from 'vitest';
import { violationsIn } from './lint-world.ts';
import { blank } from './source.ts';

const judge = (text: string, path = 'consensus/engine.ts'): string[] => violationsIn(path, text, blank(text));

test('every global that reads time, chance or the outside is named with its line and what to use instead', () => {
  for (const [code, instead] of [
    ['const now = Date.now();', 'world.clock'],
    ['const now = new Date();', 'world.clock'],
    ['const x = Math\n  .random();', 'world.random'],
    ['setTimeout(go, 5);', 'world.scheduler'],
    ['queueMicrotask(go);', 'world.scheduler'],
    ['const t = performance.now();', 'world.clock.monotonicMs()'],
    ["await fetch('http://x');", 'world.network'],
    ['const home = process.env.HOME;', 'configuration'],
    ["console.log('x');", 'world.log'],
    ['const id = crypto.randomUUID();', 'world.crypto'],
    ["const fs = require('fs');", 'an import'],
  ] as const) {
    const found = judge(`const first = 1;\n${code}`);
    expect(found, code).toHaveLength(1);
    expect(found[0], code).toMatch(/^consensus\/engine\.ts:2 uses /);
    expect(found[0], code).toContain(instead);
  }
});

test('a node: module is a door too, unless it only computes', () => {
  expect(judge("import { readFileSync } from 'node:fs';")).toEqual([
    'consensus/engine.ts:1 imports node:fs; go through a World port',
  ]);
  expect(judge("const net = await import('node:net');")).toHaveLength(1);
  expect(judge("import { inspect } from 'node:util';")).toEqual([]);
});

test('comments, texts and regular expressions are not code', () => {
  expect(
    judge("// Date.now() is banned\n/* setTimeout(x) */\nconst a = 'Math.random()';\nconst b = /fetch(x)/;"),
  ).toEqual([]);
  expect(judge("// import { x } from 'node:fs';")).toEqual([]);
});

test('what a template computes is code', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the code under judgement
  expect(judge('const a = `at ${Date.now()} ms`;')).toHaveLength(1);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the code under judgement
  expect(judge('const a = `Date.now() ${b} setTimeout(c)`;')).toEqual([]);
});

test('a method or field of the same name is not the global', () => {
  expect(judge('clock.setTimeout(go); const o = { Date: 1 }; row.Date;')).toEqual([]);
});

test('the World implementations and tests may, their neighbours may not', () => {
  const code = 'const now = Date.now();';
  expect(judge(code, 'node/world/real.ts')).toEqual([]);
  expect(judge(code, 'consensus/engine.test.ts')).toEqual([]);
  expect(judge(code, 'node/tree.ts')).toHaveLength(1);
  expect(judge(code, 'protocols/lanes/store.ts')).toHaveLength(1);
});
