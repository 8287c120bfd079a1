import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openClient } from '../acceptance/client.ts'
import { stories } from '../acceptance/index.ts'
import { createStage } from '../acceptance/stage.ts'
import { compareRecordings, type Recording } from './matrix-comparison.ts'
import { noted } from './matrix-contracts.ts'
import { recordFacts, unheardEvents } from './matrix-facts.ts'
import { createMasks } from './matrix-masks.ts'
import { createRecorder, idOf, resultsIn } from './matrix-recorder.ts'
import { writeReport } from './matrix-report.ts'
import { chosenTopologies, type MatrixSystem, startTopology } from './matrix-systems.ts'

const chosen = chosenTopologies(process.env.TOPOLOGIES)
const recordings: Recording[] = []
const transports = new Map<string, MatrixSystem['transport']>()

describe.each(chosen)('%s', (topology) => {
  const masks = createMasks()
  const recorder = createRecorder(masks)
  const stage = createStage()
  let system: MatrixSystem
  let client: ReturnType<typeof openClient>

  beforeAll(async () => {
    system = await startTopology(topology)
    transports.set(topology, system.transport)
    client = openClient(system.url, { note: recorder.note, replicas: system.replicas })
    await stage.open({ client, contracts: noted(system.contracts, recorder.note), admin: system.admin })
  })
  beforeEach(({ task }) => recorder.begin(idOf(task)))
  // biome-ignore lint/correctness/noEmptyPattern: the suite is handed over in the second place, behind fixtures
  afterAll(async ({}, suite) => {
    const tests = recorder.tests(resultsIn(suite))
    recordings.push({ topology, tests, facts: system ? await recordFacts(system.databases, masks) : [] })
    await client?.close()
    await system?.stop()
  })

  for (const [title, tell] of Object.entries(stories)) describe(title, () => tell(stage))

  it('every event is heard, and none is left over', async () => {
    await expect.poll(() => unheardEvents(system.databases), { timeout: 25_000 }).toEqual([])
  })
})

it('TP-01: the same tests see the same in every topology', () => {
  const differences = compareRecordings(recordings)
  const summary = writeReport(recordings, differences)
  // In every run of the tests this would be noise.
  if (process.env.TOPOLOGIES) console.info(summary)

  expect(recordings.map(({ topology }) => topology)).toEqual(chosen)
  expect(differences.map(({ kind, test, text }) => `${kind}: ${test ?? ''} ${text}`)).toEqual([])
})

it.runIf(chosen.includes('loopback'))('TP-04: a system in the process of a test that asks for nothing else runs on loopback', () => {
  expect(transports.get('loopback')).toBe('loopback')
})
