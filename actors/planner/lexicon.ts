// Law: these words mean one thing each to every skill; a word that is in none of these lists is explained by data, by a manifest, or not at all.

export type AggregateFunction = 'count' | 'sum' | 'avg' | 'min' | 'max' | 'distinct';
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'contains';

const list = (words: string): readonly string[] => words.split('|');

/** Words that ask politely and carry no meaning of their own. */
export const politeWords: ReadonlySet<string> = new Set(
  list(
    "please|can|could|would|will|you|i|i'd|i'm|we|want|need|like|to|know|see|show|give|tell|me|us|list|find|get|compute|calculate|work|figure|out|what|is|are|was|were|display|print|report|return|fetch|determine|let|let's|look|the|hi|hello|hey|ok|okay|parley|now|just|kindly|have|a",
  ),
);
/** Words that carry no meaning of their own beside a skill's name, its files and its settings. */
export const fillers: ReadonlySet<string> = new Set(
  'in of from on for within to at and , . ? ! : ; do does did has there which this that inside into with use uses used using through all it file files folder called named results hits'.split(
    ' ',
  ),
);
/** Words that may stand between two parts of a sentence. */
export const joiningWords: ReadonlySet<string> = new Set(
  list(',|;|:|.|?|!|and|then|also|just|only|show|keep|take|give|return|list|display|me|please|finally|afterwards|now'),
);
/** Words that may end a sentence. */
export const closingPhrases: readonly string[] = list(
  'please|thanks|thank you|are there|there are|is there|do we have|do i have|we have|exist|overall|altogether|in total|for me|for us|.|?|!',
);
export const articles: ReadonlySet<string> = new Set(list('the|a|an|its|their|my|our|this|these|those|that|all'));
/** Verbs after which plain column names are what to show. */
export const listingVerbs: ReadonlySet<string> = new Set(
  list('show|list|display|print|select|give|get|return|me|fetch'),
);

export const functionPhrases: Readonly<Record<AggregateFunction, readonly string[]>> = {
  count: list(
    'count|count of|number of|the number of|total number of|overall number of|how many|total count of|row count',
  ),
  sum: list('total|sum|sum of|sum up|add up|total of|overall total of|combined|summed'),
  avg: list('average|avg|mean|average of|mean of|arithmetic mean'),
  min: list('minimum|min|smallest|lowest|least|minimum of|min of'),
  max: list('maximum|max|largest|biggest|highest|greatest|maximum of|max of'),
  distinct: list(
    'count distinct|distinct count of|number of distinct|number of different|number of unique|how many distinct|how many different|how many unique|count of distinct|count of unique|count unique|unique count of|count the distinct|count the different|count the unique',
  ),
};
export const descending: readonly string[] = list('largest|biggest|highest|greatest|most|top|max|maximum');
export const ascending: readonly string[] = list('smallest|lowest|least|fewest|bottom|min|minimum');

export const groupPhrases: readonly string[] = list(
  'per|by|for each|for every|in each|in every|of each|within each|grouped by|group by|broken down by|split by|by each|per each|for each of the|each',
);
export const sourcePhrases: readonly string[] = list(
  'in|from|of|using|on|within|inside|over|for|out of|according to|based on',
);
export const filterPhrases: readonly string[] = list(
  'where|with|whose|having|for which|in which|when|if|that have|which have|that has|which has|who have|have|has|for rows where|for rows with|for those with|for those where|filtered by|filter by|filter|filter where|filtered to|restricted to|limited to|such that|only where|only with|only if|considering only|counting only|but only where|but only with',
);
/** Longest first, so that "is at least" is not read as "is". */
export const comparisonPhrases: readonly (readonly [phrase: string, operation: Comparison])[] = (
  [
    ['=', '=|is|are|was|equals|equal to|is equal to|are equal to|exactly|is exactly|being|is set to|of exactly'],
    ['!=', '!='],
    [
      '>',
      '>|over|above|more than|greater than|larger than|bigger than|higher than|exceeding|exceeds|of more than|of over|is over|is above|is more than|is greater than|is larger than|is bigger than|is higher than|are over|are above|are greater than|are larger than|are more than|greater|> than|beyond',
    ],
    [
      '>=',
      '>=|at least|no less than|is at least|are at least|of at least|greater than or equal to|is greater than or equal to|minimum of',
    ],
    [
      '<',
      '<|under|below|less than|smaller than|lower than|fewer than|of less than|of under|is under|is below|is less than|is smaller than|is lower than|are under|are below|are less than|are smaller than',
    ],
    [
      '<=',
      '<=|at most|no more than|is at most|are at most|of at most|up to|less than or equal to|is less than or equal to',
    ],
    [
      'contains',
      'contains|containing|contain|includes|including|that contains|which contains|matching the text|has the text',
    ],
  ] as const
).flatMap(([operation, phrases]) => list(phrases).map((phrase) => [phrase, operation] as const));

export const descendingOrder: readonly string[] = list(
  'descending|desc|in descending order|descending order|largest first|highest first|biggest first|most first|from largest to smallest|from highest to lowest|from high to low|from most to least|in decreasing order|decreasing|from biggest to smallest|high to low|largest to smallest',
);
export const ascendingOrder: readonly string[] = list(
  'ascending|asc|in ascending order|ascending order|smallest first|lowest first|least first|from smallest to largest|from lowest to highest|from low to high|in increasing order|increasing|low to high|smallest to largest|alphabetically|in alphabetical order',
);
export const sortPhrases: readonly string[] = list(
  'sorted by|sort by|sort it by|sort them by|sort the result by|sort the results by|ordered by|order by|order it by|order them by|rank by|ranked by|sorted on|rank them by',
);
export const rowWords: readonly string[] = list('row|rows|record|records|entry|entries|line|lines|item|items');
export const sitesPhrases: readonly string[] = list(
  'across all sites|across all the sites|across every site|across the sites|across sites|over all sites|over all the sites|at all sites|from all sites|in all sites|of all sites|for all sites together|for all sites combined|on all sites|all sites together|all sites combined|across all our sites|across our sites|using all sites',
);
export const groupSizePhrases: readonly string[] = list(
  'no group under|no groups under|no group below|no groups below|no group smaller than|no groups smaller than|no group with fewer than|no groups with fewer than|groups of at least|only groups of at least|with groups of at least|minimum group size|minimum group size of|with a minimum group size of|with minimum group size|at least',
);

/** Single words of the grammar, which are understood wherever they stand. */
export const grammarWords: ReadonlySet<string> = new Set(
  [
    ...Object.values(functionPhrases).flat(),
    ...descending,
    ...ascending,
    ...groupPhrases,
    ...sourcePhrases,
    ...filterPhrases,
    ...comparisonPhrases.map(([phrase]) => phrase),
    ...descendingOrder,
    ...ascendingOrder,
    ...sortPhrases,
    ...rowWords,
    ...sitesPhrases,
    ...closingPhrases,
  ].flatMap((phrase) => phrase.split(' ')),
);

/** Longest phrases first, each cut into words. */
export function phrases(texts: readonly string[]): readonly (readonly string[])[] {
  return texts.map((text) => text.split(' ')).sort((left, right) => right.length - left.length);
}
