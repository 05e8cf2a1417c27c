// Law: a licence is named only where its own words are found; anything else is `unknown`, for a person to read.

/** Phrases that occur in one licence and not in its relatives. The more specific stand first. */
const texts: readonly (readonly [spdx: string, phrases: readonly string[]])[] = [
  ['Apache-2.0', ['apache license', 'version 2.0']],
  ['AGPL-3.0-only', ['gnu affero general public license', 'version 3']],
  ['LGPL-3.0-only', ['gnu lesser general public license', 'version 3']],
  ['LGPL-2.1-only', ['gnu lesser general public license', 'version 2.1']],
  ['GPL-3.0-only', ['gnu general public license', 'version 3']],
  ['GPL-2.0-only', ['gnu general public license', 'version 2']],
  ['MPL-2.0', ['mozilla public license', '2.0']],
  ['EPL-2.0', ['eclipse public license', '2.0']],
  ['BSL-1.0', ['boost software license', 'version 1.0']],
  ['CC0-1.0', ['cc0 1.0 universal']],
  ['CC-BY-4.0', ['attribution 4.0 international']],
  ['Unlicense', ['this is free and unencumbered software released into the public domain']],
  [
    '0BSD',
    [
      'permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted. the software is provided',
    ],
  ],
  [
    'ISC',
    [
      'permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that',
    ],
  ],
  [
    'ISC',
    [
      'permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted, provided that',
    ],
  ],
  ['BSD-3-Clause', ['redistribution and use in source and binary forms', 'neither the name of']],
  ['BSD-2-Clause', ['redistribution and use in source and binary forms']],
  [
    'MIT',
    [
      'permission is hereby granted, free of charge, to any person obtaining a copy',
      'the above copyright notice and this permission notice',
    ],
  ],
];

export function isLicenceFile(path: string): boolean {
  return (
    /(?:^|\/)(?:un)?(?:licen[cs]e|copying)(?:[-._][\w.-]+)?$/i.test(path) &&
    !/\.(?:ts|js|py|go|rs|java|c|h)$/i.test(path)
  );
}

/** The SPDX identifier of a licence text, from an SPDX line or from its own phrases. */
export function licenceOf(text: string): string | undefined {
  const tagged = /SPDX-License-Identifier:\s*([\w.+-]+(?:\s+(?:OR|AND|WITH)\s+[\w.+-]+)*)/.exec(text);
  if (tagged !== null) return tagged[1];
  const plain = text.toLowerCase().replace(/\s+/g, ' ');
  // The head names the licence; relatives are mentioned further down (the GPL mentions the LGPL and the AGPL).
  const head = plain.slice(0, 2500);
  return texts.find(([, phrases]) => phrases.every((phrase) => head.includes(phrase)))?.[0];
}
