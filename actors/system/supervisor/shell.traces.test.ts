import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sharedPath } from '../../../test/support/shared.ts';
import { act } from './testing/otp-actors.ts';
import type { Scenario } from './testing/otp-scenario.ts';

const path = sharedPath('conformance/otp-supervisor/traces.json');

describe.skipIf(path === undefined)('otp supervisor traces, with real actors', () => {
  const scenarios =
    path === undefined ? [] : (JSON.parse(readFileSync(path, 'utf8')) as (Scenario & { readonly otp: string[] })[]);

  test('a tree of actors does in all 300 scenarios exactly what the real OTP supervisor did', async () => {
    expect(scenarios).toHaveLength(300);
    for (const [index, scenario] of scenarios.entries()) {
      expect(await act(scenario), `scenario ${index}: ${JSON.stringify(scenario)}`).toEqual(scenario.otp);
    }
  });
});
