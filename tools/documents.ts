// Law: the documents show commands as they can be typed. This reads them out of Markdown, for the test that parses each and for the script
// that runs the examples' pages and puts what was printed in its place.

/** A fenced block of language `console`: lines that begin with `$ ` were typed, what follows each was printed. */
export interface ConsoleBlock {
  /** Index of the line after the opening fence, and of the closing fence. */
  readonly start: number;
  readonly end: number;
  /** `background`: what is typed goes on running while the rest of the page is. `shown`: as it is, never run by the script. */
  readonly mode: 'run' | 'background' | 'shown';
  readonly steps: readonly Step[];
}

export interface Step {
  readonly command: string;
  readonly output: readonly string[];
}

export function consoleBlocks(markdown: string): ConsoleBlock[] {
  const lines = markdown.split('\n');
  const blocks: ConsoleBlock[] = [];
  for (let at = 0; at < lines.length; at++) {
    const opening = /^```console(?: (background|shown))?$/.exec(lines[at]!);
    if (opening === null) continue;
    const start = at + 1;
    const end = lines.indexOf('```', start);
    if (end < 0) throw new Error(`the block in line ${start} is never closed`);
    const steps: { command: string; output: string[] }[] = [];
    for (const line of lines.slice(start, end)) {
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: [] });
      else if (steps.length > 0) steps.at(-1)!.output.push(line);
      else throw new Error(`the block in line ${start} begins with something that nobody typed: ${line}`);
    }
    blocks.push({ start, end, mode: (opening[1] ?? 'run') as ConsoleBlock['mode'], steps });
    at = end;
  }
  return blocks;
}

/** Replaces what the blocks' commands printed; `printed` has one list of lines per step, in order. */
export function withOutput(markdown: string, printed: readonly (readonly string[])[]): string {
  const lines = markdown.split('\n');
  const out: string[] = [];
  let from = 0;
  let step = 0;
  for (const block of consoleBlocks(markdown)) {
    out.push(...lines.slice(from, block.start));
    for (const { command } of block.steps) out.push(`$ ${command}`, ...(printed[step++] ?? []));
    from = block.end;
  }
  return [...out, ...lines.slice(from)].join('\n');
}

/** The words of a command line as a shell would pass them on: quotes are taken off, nothing is expanded. */
export function wordsOf(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (const character of command) {
    if (quote !== undefined) {
      if (character === quote) quote = undefined;
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== undefined) throw new Error(`a quote is not closed: ${command}`);
  if (word !== undefined) words.push(word);
  return words;
}

/** What follows the program's name where `command` calls it (`./parley …`, `npx parley …`, `npm start -- …`), or undefined where it doesn't. */
export function parleyArguments(command: string): string[] | undefined {
  const words = wordsOf(command.replace(/^(?:[A-Z_]+=\S+ )+/, ''));
  const stop = words.findIndex((word) => /^(?:\||>|>>|2>|2>&1|&|&&|;)$/.test(word));
  const own = stop < 0 ? words : words.slice(0, stop);
  if (own[0] === './parley' || own[0] === 'parley') return own.slice(1);
  if (own[0] === 'npx' && own[1] === 'parley') return own.slice(2);
  if (own[0] === 'npm' && own[1] === 'start') return ['dev', ...own.slice(own[2] === '--' ? 3 : 2)];
  return undefined;
}
