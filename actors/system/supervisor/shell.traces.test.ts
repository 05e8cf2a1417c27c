import { describe, expect, test } from 'vitest';
import { sharedLists } from '../../../test/support/shared.ts';
import { act } from './testing/otp-actors.ts';
import type { Recorded } from './testing/otp-scenario.ts';

const scenarios = sharedLists<Recorded>('conformance/otp-supervisor');

describe.skipIf(scenarios.length === 0)('otp supervisor traces, with real actors', () => {
  test(`a tree of actors does in all ${scenarios.length} scenarios exactly what the real OTP supervisor did`, async () => {
    for (const [index, scenario] of scenarios.entries()) {
      expect(await act(scenario), `scenario ${index}: ${JSON.stringify(scenario)}`).toEqual(scenario.otp);
    }
  });
});
