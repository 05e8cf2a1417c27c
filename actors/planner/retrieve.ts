// Law: retrieval ranks skills for a person to choose from; it never decides a plan by itself.
import MiniSearch from 'minisearch';
import type { SkillManifest } from './manifest.ts';

export interface RankedSkill {
  readonly manifest: SkillManifest;
  /** BM25 with field weights; comparable only within one answer. */
  readonly score: number;
}

/** The manifests that share words with `words`, best first; equal scores in the order of their names. */
export function rankSkills(words: string, manifests: readonly SkillManifest[]): readonly RankedSkill[] {
  const index = new MiniSearch<{
    id: string;
    name: string;
    title: string;
    description: string;
    examples: string;
    synonyms: string;
  }>({
    fields: ['name', 'title', 'description', 'examples', 'synonyms'],
    tokenize: (text) =>
      text
        .toLowerCase()
        .split(/[^\p{L}\p{N}]+/u)
        .filter((word) => word !== ''),
    processTerm: (term) => (term.length > 3 && term.endsWith('s') && !term.endsWith('ss') ? term.slice(0, -1) : term),
    searchOptions: { boost: { name: 3, title: 2, synonyms: 2, examples: 2 }, prefix: false, fuzzy: false },
  });
  const known = new Map<string, SkillManifest>();
  for (const manifest of manifests) {
    if (known.has(manifest.name)) continue;
    known.set(manifest.name, manifest);
    const { name, title, description } = manifest;
    const examples = manifest.examples.map((example) => example.words).join(' ');
    const synonyms = Object.entries(manifest.synonyms).flat(2).join(' ');
    index.add({ id: name, name, title, description, examples, synonyms });
  }
  return index
    .search(words)
    .map(({ id, score }) => ({ manifest: known.get(id as string)!, score }))
    .sort((left, right) => right.score - left.score || (left.manifest.name < right.manifest.name ? -1 : 1));
}
