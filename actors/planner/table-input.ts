// Law: a reading becomes a skill's input only when nothing in it is left to choose; otherwise it becomes a question.
import type { Aggregate, Column, Note, OrderTarget, TableContext, TableQuery, Trouble } from './table-query.ts';
import { aggregateName, aggregateText, isNumeric } from './table-query.ts';

/** The parts of a table question as the table skills spell them; empty ones are left out. */
export interface TableInput {
  readonly columns?: readonly string[];
  readonly filter?: readonly {
    readonly column: string;
    readonly op: string;
    readonly value: string | number | boolean | readonly (string | number)[];
  }[];
  readonly groupBy?: readonly string[];
  readonly aggregates?: readonly { readonly function: string; readonly column?: string; readonly as?: string }[];
  readonly sort?: readonly { readonly by: string; readonly direction: 'ascending' | 'descending' }[];
  readonly limit?: number;
}

export type Settled =
  | { readonly kind: 'input'; readonly input: TableInput; readonly notes: readonly Note[] }
  | { readonly kind: 'trouble'; readonly trouble: Trouble };

export function settle(query: TableQuery, context: TableContext): Settled {
  const trouble = query.trouble ?? whatIsOpen(query, context);
  if (trouble !== undefined) return { kind: 'trouble', trouble };
  const sort = sortOf(query, context);
  if (sort !== undefined && 'reason' in sort) return { kind: 'trouble', trouble: sort };
  const names = new Map(query.aggregates.map((aggregate) => [aggregate, nameOf(aggregate, query.groupBy)]));
  const by = sort === undefined ? undefined : 'column' in sort ? sort.column.name : names.get(sort.aggregate)!;
  const direction = query.direction ?? 'ascending';
  const columns = shownColumns(query);
  const limitNote: readonly Note[] =
    query.limit === undefined
      ? []
      : [
          {
            from: query.limit.from,
            to: query.limit.to,
            meaning: `${by === undefined ? '' : `sorted by ${by}, ${direction === 'descending' ? 'largest' : 'smallest'} first; `}at most ${query.limit.count} ${query.limit.count === 1 ? 'line' : 'lines'}`,
          },
        ];
  const input: TableInput = {
    ...(columns.length > 0 && { columns: columns.map(({ name }) => name) }),
    ...(query.filter.length > 0 && {
      filter: query.filter.map(({ column, operation, value }) => ({ column: column.name, op: operation, value })),
    }),
    ...(query.groupBy.length > 0 && { groupBy: query.groupBy.map(({ name }) => name) }),
    ...(query.aggregates.length > 0 && {
      aggregates: query.aggregates.map((aggregate) => ({
        function: aggregate.function,
        ...(aggregate.column !== undefined && { column: aggregate.column.name }),
        ...(names.get(aggregate) !== aggregateName(aggregate) && { as: names.get(aggregate)! }),
      })),
    }),
    ...(by !== undefined && { sort: [{ by, direction }] }),
    ...(query.limit !== undefined && { limit: query.limit.count }),
  };
  return { kind: 'input', input, notes: [...query.notes, ...limitNote].sort((left, right) => left.from - right.from) };
}

/** A ranking shows what is ranked and by what, where the table has a column for it. */
function shownColumns(query: TableQuery): readonly Column[] {
  const { show, rows, ranks, order } = query;
  if (show.length > 0) return show;
  if (!rows || ranks === undefined || typeof order !== 'object' || !('column' in order) || ranks === order.column)
    return [];
  return [ranks, order.column];
}

/** The name the skill gives an aggregate by itself, unless a grouping column has it already. */
function nameOf(aggregate: Aggregate, groupBy: readonly Column[]): string {
  const name = aggregateName(aggregate);
  return groupBy.some((column) => column.name === name) ? `${name}_of_group` : name;
}

function whatIsOpen(query: TableQuery, context: TableContext): Trouble | undefined {
  const { aggregates, groupBy, limit } = query;
  const shows = query.rows || query.show.length > 0;
  const group = groupBy.map(({ name }) => name).join(' and ');
  if (aggregates.length === 0 && groupBy.length > 0 && !query.values) {
    if (limit !== undefined)
      return cannot(
        `the first ${limit.count} within each ${group} is more than one table can hold`,
        `Ask for one ${group} at a time: where ${groupBy[0]!.name} = VALUE.`,
      );
    return missing(
      'aggregate',
      `it is not said what to compute per ${group}`,
      `What per ${group}: ${measuresFor(context)}?`,
    );
  }
  if (aggregates.length === 0 && groupBy.length === 0 && !shows) {
    return missing(
      'measure',
      'it is not said what to show',
      `What do you want: ${measuresFor(context)}, or a list of rows?`,
    );
  }
  if (aggregates.length > 0 && shows)
    return cannot('rows and totals do not fit in one table', 'Ask for the rows and for the totals separately.');
  if (limit === undefined) {
    if (query.rows && query.rankOpen === true) {
      return missing('limit', 'it is not said how many', 'How many? Say for instance "the 10 largest".');
    }
    if (query.rows && query.filter.length === 0 && query.show.length === 0 && query.order === undefined) {
      return missing(
        'limit',
        'that would be the whole table',
        'Which rows: the first 10, the 10 largest by a column, or those where COLUMN is VALUE?',
      );
    }
    return undefined;
  }
  if (limit.count < 1 || !Number.isInteger(limit.count))
    return cannot(`"${limit.count}" is not a number of lines`, 'Say a whole number, for instance "top 5".');
  if (aggregates.length > 0 && groupBy.length === 0) {
    return missing(
      'groupBy',
      `the first ${limit.count} of what?`,
      `Per which column: ${context.columns.map(({ name }) => name).join(', ')}?`,
    );
  }
  if (
    limit.kind === 'first' &&
    (aggregates.length > 0 || query.values) &&
    query.order === undefined &&
    query.direction === undefined
  ) {
    return tie(
      `"first ${limit.count}" of groups depends on their order, which is not said`,
      `Do you mean "top ${limit.count}" (largest first) or "sorted by ${groupBy[0]?.name ?? 'COLUMN'}, first ${limit.count}"?`,
    );
  }
  return undefined;
}

/** What to sort by; a trouble where it is open. Undefined where no order is asked for. */
function sortOf(
  query: TableQuery,
  context: TableContext,
): { readonly column: Column } | { readonly aggregate: Aggregate } | Trouble | undefined {
  const { aggregates, order, direction } = query;
  const isRanked = query.limit?.kind === 'top' || direction !== undefined;
  if (order === undefined && !isRanked) return undefined;
  const target = targetOf(query, order, context);
  if ('reason' in target) return target;
  const isText = 'column' in target && !isNumeric(target.column) && target.column.type !== 'date';
  // Of what the lines are for, the natural order: 0, 1, 2.
  const isOfGroups = 'column' in target && query.groupBy.includes(target.column) && query.limit?.kind !== 'top';
  if (direction === undefined && !isText && !isOfGroups) {
    return tie('the order is not said', 'Largest first or smallest first?');
  }
  if (
    query.limit?.kind === 'top' &&
    order === undefined &&
    aggregates[0]?.function === 'min' &&
    !query.notes.some(({ meaning }) => meaning.endsWith(' first'))
  ) {
    return tie(`"top ${query.limit.count}" of smallest values can mean either end`, 'Largest first or smallest first?');
  }
  return target;
}

function targetOf(
  query: TableQuery,
  order: OrderTarget | undefined,
  context: TableContext,
): { readonly column: Column } | { readonly aggregate: Aggregate } | Trouble {
  const { aggregates } = query;
  const only = aggregates.length === 1 ? aggregates[0]! : undefined;
  const which = aggregates.map(aggregateText).join(' or ');
  const numbers = context.columns.filter(isNumeric);
  if (order === undefined || order === 'the aggregate') {
    if (only !== undefined) return { aggregate: only };
    if (aggregates.length > 1) return tie('it is not said by which of the measures to sort', `By ${which}?`);
    return missing(
      'column',
      'it is not said by which column',
      `By which column: ${(numbers.length > 0 ? numbers : context.columns).map(({ name }) => name).join(', ')}?`,
    );
  }
  if ('measure' in order) {
    const matching = aggregates.filter((aggregate) => aggregate.function === order.measure);
    if (matching.length === 1) return { aggregate: matching[0]! };
    return cannot(
      `the answer has ${matching.length === 0 ? 'no' : 'several'} columns that "${order.measure}" could mean`,
      `By which: ${which}?`,
    );
  }
  if ('aggregate' in order)
    return {
      aggregate:
        aggregates.find((aggregate) => aggregateText(aggregate) === aggregateText(order.aggregate)) ?? order.aggregate,
    };
  if (aggregates.length === 0 || query.groupBy.includes(order.column)) {
    if (query.values && !query.groupBy.includes(order.column))
      return cannot(
        `${order.column.name} is not in the answer, so it cannot sort it`,
        'Sort by a column of the answer.',
      );
    return order;
  }
  const measures = aggregates.filter(({ column }) => column === order.column);
  if (measures.length === 1) return { aggregate: measures[0]! };
  if (measures.length > 1) return tie(`several measures are of ${order.column.name}`, `By ${which}?`);
  return cannot(`${order.column.name} is not in the answer, so it cannot sort it`, `Sort by ${which}.`);
}

function measuresFor(context: TableContext): string {
  const numbers = context.columns.filter(isNumeric).map(({ name }) => name);
  return [
    'the number of rows',
    ...(numbers[0] === undefined ? [] : [`the total or average ${numbers.join(' or ')}`]),
  ].join(', ');
}

function missing(slot: string, message: string, question: string): Trouble {
  return { reason: 'missing-slot', missing: slot, message, questions: [question] };
}
function tie(message: string, question: string): Trouble {
  return { reason: 'tie', message, questions: [question] };
}
function cannot(message: string, question: string): Trouble {
  return { reason: 'cannot-do', message, questions: [question] };
}
