// Law: an attempt's number is its fence. A task comes to one end, under one attempt, and an attempt is begun only after the one before it was
// taken back: whoever still works under an old number works in vain.
import type { Watcher } from '../swarm.ts';
import type { Book } from './violations.ts';

export function createFencingCheck(options: {
  readonly book: Book;
  readonly isHonest: (index: number) => boolean;
}): Watcher {
  const { book, isHonest } = options;
  const ends = new Map<string, { readonly attempt: number; readonly by: string }>();
  return {
    board({ index, name }, { record, entry }) {
      if (!isHonest(index) || entry.kind !== 'decided') return;
      const attempts = record.tasks.get(entry.task)?.attempts;
      const certified = attempts?.get(entry.attempt)?.certified;
      if (certified === undefined) return;
      const place = `${record.workflow}|${entry.task}`;
      const text = `${entry.task} of ${record.workflow.slice(0, 12)}`;
      if (certified.decision.kind === 'REASSIGN') {
        const end = ends.get(place);
        if (end !== undefined && end.attempt <= entry.attempt)
          book.break(
            'fencing',
            `${name}: attempt ${entry.attempt} of ${text} was taken back after attempt ${end.attempt} had ended it`,
          );
        return;
      }
      const known = ends.get(place);
      if (known === undefined) ends.set(place, { attempt: entry.attempt, by: name });
      else if (known.attempt !== entry.attempt)
        book.break(
          'fencing',
          `${text} ended under attempt ${known.attempt} at ${known.by} and under ${entry.attempt} at ${name}`,
        );
    },
  };
}
