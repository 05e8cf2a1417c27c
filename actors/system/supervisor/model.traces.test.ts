import { describe, expect, test } from 'vitest';
import { sharedLists } from '../../../test/support/shared.ts';
import { type Recorded, replay } from './testing/otp-scenario.ts';

const scenarios = sharedLists<Recorded>('conformance/otp-supervisor');

describe.skipIf(scenarios.length === 0)('otp supervisor traces', () => {
  test(`the model does in all ${scenarios.length} scenarios exactly what the real OTP supervisor did`, () => {
    for (const [index, scenario] of scenarios.entries()) {
      expect(scenario.otp.length).toBeGreaterThan(0);
      expect(replay(scenario), `scenario ${index}: ${JSON.stringify(scenario)}`).toEqual(scenario.otp);
    }
  });
});
