// Law: one subscriber's failure is its own: neither the others nor whoever brought the news pays for it.
import type { Log } from '../system/index.ts';

export interface Telling<T> {
  readonly isHeard: boolean;
  on(subscriber: (news: T) => void): () => void;
  tell(news: T): void;
}

export function createTelling<T>(log: Log): Telling<T> {
  const subscribers = new Set<(news: T) => void>();
  return {
    get isHeard() {
      return subscribers.size > 0;
    },
    on(subscriber) {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
    tell(news) {
      for (const subscriber of [...subscribers]) {
        try {
          subscriber(news);
        } catch (error) {
          log('error', 'a subscriber of the board failed', { error: String(error) });
        }
      }
    },
  };
}
