// Law: the lint that keeps the floors fails on exactly what it is there to stop. Each case is a way code has gone through such a wall.
import { expect, test } from 'vitest';
import { floorOf, forbidden } from './lint-floors.ts';

const doors = new Set(['actors/system', 'actors/plan', 'consensus', 'consensus/model', 'node/skills']);
const judge = (from: string, to: string): string | undefined => forbidden(from, to, (folder) => doors.has(folder));

test('the actor runtime is a floor of its own, below the protocols and the roles', () => {
  expect(floorOf('actors/system/world.ts')).toBe(0);
  expect(floorOf('actors/planner/planner.ts')).toBe(3);
  expect(floorOf('bin/parley.mjs')).toBeUndefined();
});

test('an import downwards through a door is allowed, upwards it is refused with both floors', () => {
  expect(judge('node/tree.ts', 'consensus/index.ts')).toBeUndefined();
  expect(judge('consensus/engine.ts', 'actors/plan/index.ts')).toBe('imports upwards, from floor 2 to floor 3');
  expect(judge('actors/system/ask.ts', 'consensus/index.ts')).toContain('upwards');
});

test('a room is entered through its door, from its own floor too', () => {
  expect(judge('actors/proof/build.ts', 'actors/plan/canonical.ts')).toBe('reaches past the door actors/plan/index.ts');
  expect(judge('actors/proof/build.ts', 'actors/plan/index.ts')).toBeUndefined();
  expect(judge('actors/plan/parse.ts', 'actors/plan/plan.ts')).toBeUndefined();
});

test('a room inside a room has one way in, the outer door, except for tests and tools', () => {
  expect(judge('node/tree.ts', 'consensus/model/index.ts')).toBe('reaches past the door consensus/index.ts');
  expect(judge('tools/model.ts', 'consensus/model/index.ts')).toBeUndefined();
  expect(judge('tools/model.ts', 'consensus/model/explore.ts')).toContain('reaches past');
});

test('a test beside the code, and its kit, may use test/support, the code itself may not', () => {
  expect(judge('consensus/testing/stage.ts', 'test/support/world.ts')).toBeUndefined();
  expect(judge('consensus/decision.test.ts', 'test/support/world.ts')).toBeUndefined();
  expect(judge('consensus/decision.ts', 'test/support/world.ts')).toContain('upwards');
});
