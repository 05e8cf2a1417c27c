// Law: what the API's page lists is what a node answers, and nothing else.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const here = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const shape = (method: string, path: string): string => `${method} ${path.split('?')[0]!}`;

const listed = new Set(
  [...here('./api.ts').matchAll(/^\/\/ {3}(GET|PUT|POST|DELETE) +(\/v1\/\S+)/gm)].map(([, method, path]) =>
    shape(method!, path!),
  ),
);
const answered = new Set(
  readdirSync(new URL('.', import.meta.url))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .flatMap((name) => [...here(`./${name}`).matchAll(/\bapp\.(get|put|post|delete)\('(\/v1\/[^']+)'/g)])
    .map(([, method, path]) => shape(method!.toUpperCase(), path!)),
);

it('every route is listed at the head of api.ts, and every listed one is answered', () => {
  expect(answered.size).toBeGreaterThan(20);
  expect([...listed].sort()).toEqual([...answered].sort());
});

it('every route that the documents name is one of them', () => {
  const documents = new URL('../../docs/', import.meta.url);
  const texts = [
    here('../../README.md'),
    ...readdirSync(documents)
      .filter((name) => name.endsWith('.md'))
      .map((name) => readFileSync(new URL(name, documents), 'utf8')),
  ];
  const paths = [...answered].map((route) => route.split(' ')[1]!.replace(/:\w+/g, '[^/ ]+'));
  const named = texts.flatMap((text) =>
    [...text.matchAll(/(?:GET|PUT|POST) (\/v1\/[^\s?`]+)/g)].map(([, path]) => path!),
  );
  expect(named.length).toBeGreaterThan(0);
  for (const path of named)
    expect([path, paths.some((known) => new RegExp(`^${known}$`).test(path))]).toEqual([path, true]);
});
