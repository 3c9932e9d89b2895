import { describe, expect, it } from 'vitest'
import type { CandidateFacts, ExperimentFacts } from './experiment-facts.ts'
import { statusText } from './experiment-text.ts'

const candidate: CandidateFacts = {
  candidate: 'four',
  swarms: { control: 413, candidate: 420 },
  effect: { difference: -0.0513, low: -0.09, high: -0.012, pValue: 0.00312 },
  guardrails: [
    {
      name: 'p99',
      state: 'held',
      margin: 0.05,
      isWatched: false,
      difference: -0.04,
      low: -0.08,
      high: 0.003,
    },
    { name: 'decision', state: 'unknown', margin: 0.05, isWatched: true },
  ],
  sampleRatioP: 0.8,
  verdict: 'ship',
  cause: 'better',
  reasons: ['Downloads are faster.'],
}

const experiment: ExperimentFacts = {
  name: 'four-in-flight',
  isRunning: true,
  startedAt: '2026-11-20T10:00:00.000Z',
  swarms: 900,
  minPeers: 20,
  candidates: [candidate],
}

const text = (facts: Parameters<typeof statusText>[0]) =>
  statusText(facts, { isTty: true, columns: 100 })

describe('statusText', () => {
  it('says what to do first, then why', () => {
    expect(text({ experiment })).toBe(
      [
        'Experiment four-in-flight runs since 2026-11-20T10:00:00.000Z; 900 swarms ended, those of 20 peers and more count.',
        '',
        'four: SHIP (better)',
        '  Downloads are faster.',
        '  413 swarms of the control, 420 of four.',
        '  Time of downloads -5.0 %, surely between -8.6 % and -1.2 %; p 0.0031.',
        '',
        'GUARDRAIL           STATE    CHANGE     SURELY BETWEEN  ALLOWED',
        'p99                 held     -4.0 %  -8.0 % and +0.3 %   +5.0 %',
        'decision (watched)  unknown                              +5.0 %',
        '',
      ].join('\n'),
    )
  })

  it('says when it ran, and nothing of an effect that is not known', () => {
    const { effect: _, ...early } = candidate
    const stopped = { ...experiment, isRunning: false, stoppedAt: '2026-11-21T10:00:00.000Z' }
    const shown = text({ experiment: { ...stopped, candidates: [early] } })
    expect(shown).toContain('ran from 2026-11-20T10:00:00.000Z to 2026-11-21T10:00:00.000Z')
    expect(shown).not.toContain('Time of downloads')
  })

  it('shows a policy on trial, also without an experiment', () => {
    const shadow = {
      candidate: 'random',
      decisions: 1_200,
      overlap: 0.433,
      sameFirst: 0.125,
      meanUs: 7.25,
      p99Us: 21,
      skipped: 3,
      failures: 0,
    }
    expect(text({ shadow })).toBe(
      [
        'There has been no experiment.',
        '',
        'On trial beside the policy in use: random, asked for 1200 decisions.',
        '  43.3 % of the parents and 12.5 % of the first ones are the same.',
        '  A decision takes 7.3 us, 99 % of them at most 21.0 us.',
        '  3 passed over because the scheduler was late, 0 failed.',
        '',
      ].join('\n'),
    )
  })

  it('lets no name move the cursor', () => {
    const strange = { ...candidate, candidate: '\u001b[2J', verdict: '\u0007', reasons: ['\u001b'] }
    const shown = text({ experiment: { ...experiment, candidates: [strange] } })
    expect(['\u0007', '\u001b'].filter((control) => shown.includes(control))).toEqual([])
  })
})
