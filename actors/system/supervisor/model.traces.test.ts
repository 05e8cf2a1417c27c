import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sharedPath } from '../../../test/support/shared.ts';
import { replay, type Scenario } from './testing/otp-scenario.ts';

const path = sharedPath('conformance/otp-supervisor/traces.json');

describe.skipIf(path === undefined)('otp supervisor traces', () => {
  const scenarios =
    path === undefined ? [] : (JSON.parse(readFileSync(path, 'utf8')) as (Scenario & { readonly otp: string[] })[]);

  test('all 300 recorded scenarios are here', () => {
    expect(scenarios).toHaveLength(300);
  });

  test('the model does in every scenario exactly what the real OTP supervisor did', () => {
    for (const [index, scenario] of scenarios.entries()) {
      expect(replay(scenario), `scenario ${index}: ${JSON.stringify(scenario)}`).toEqual(scenario.otp);
    }
  });
});
