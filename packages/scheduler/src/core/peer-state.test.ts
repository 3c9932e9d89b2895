import { expect, test } from 'vitest'
import { nextPeerState, type PeerState, type PeerTransition, peerEdges } from './peer-state.ts'

const states: PeerState[] = [
  'Pending',
  'ReceivedEmpty',
  'ReceivedTiny',
  'ReceivedSmall',
  'ReceivedNormal',
  'Running',
  'BackToSource',
  'Succeeded',
  'Failed',
  'Leave',
]

/** Written down a second time by hand, from interop.md 7. */
const expected: Record<PeerTransition, string> = {
  RegisterEmpty: 'Pending',
  RegisterTiny: 'Pending',
  RegisterSmall: 'Pending',
  RegisterNormal: 'Pending',
  Reregister:
    'Pending ReceivedEmpty ReceivedTiny ReceivedSmall ReceivedNormal Running BackToSource Succeeded Failed',
  Download: 'ReceivedEmpty ReceivedTiny ReceivedSmall ReceivedNormal Running BackToSource',
  DownloadBackToSource:
    'ReceivedEmpty ReceivedTiny ReceivedSmall ReceivedNormal Running BackToSource',
  DownloadSucceeded: 'ReceivedEmpty ReceivedTiny ReceivedSmall ReceivedNormal Running BackToSource',
  DownloadFailed:
    'Pending ReceivedEmpty ReceivedTiny ReceivedSmall ReceivedNormal Running BackToSource Succeeded Failed',
  Announce: 'Pending Failed',
  Leave:
    'Pending ReceivedEmpty ReceivedTiny ReceivedSmall ReceivedNormal Running BackToSource Succeeded Failed',
}

test.each(Object.keys(peerEdges) as PeerTransition[])(
  '%s leaves exactly the states it may',
  (transition) => {
    const allowed = states.filter((s) => typeof nextPeerState(s, transition) === 'string')
    expect(allowed.join(' ')).toBe(expected[transition])
    for (const state of allowed) {
      expect(nextPeerState(state, transition)).toBe(peerEdges[transition].to)
    }
  },
)

test('a wrong edge is a value that names the state and the transition', () => {
  expect(nextPeerState('Succeeded', 'Download')).toEqual({
    kind: 'InvalidTransition',
    from: 'Succeeded',
    transition: 'Download',
  })
})
