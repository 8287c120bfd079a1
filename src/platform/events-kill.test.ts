import { type ChildProcess, spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { createWorld, faultsOf, until } from '#support/event-world.ts'

const events = 500
const ships = 40
const kills = 5
const fleet = 2

test('with processes killed in the middle of anything, each committed event takes effect once and in order', async () => {
  const world = await createWorld()
  onTestFinished(() => world.drop())
  let executions = 0
  let launched = 0
  const launch = (): ChildProcess => {
    launched += 1
    const task = JSON.stringify({ settings: world.settings, firstShip: launched * 100_000 })
    const child = spawn(process.execPath, [`${import.meta.dirname}/../../tests/support/event-process.ts`, task], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdout?.on('data', (dots: Buffer) => {
      executions += dots.length
    })
    return child
  }
  const ended = (child: ChildProcess) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null) resolve()
      child.once('exit', () => resolve())
      child.kill('SIGKILL')
    })
  const count = async (of: 'ships' | 'harbours', text: string) => Number((await world.rows(of, text))[0]?.n)
  const effects = () => count('harbours', 'SELECT COUNT(*) AS n FROM book')
  const children = Array.from({ length: fleet }, launch)

  // The ledger: what this process has been told is committed.
  const publisher = world.crew()
  const ledger: string[] = []
  const publishing = (async () => {
    for (let step = 1; ledger.length < events; step += 1)
      for (let ship = 1; ship <= ships && ledger.length < events; ship += 1) {
        await publisher.sail(ship, step)
        ledger.push(`ship/${ship} ${step}`)
      }
  })()
  for (let kill = 1; kill <= kills; kill += 1) {
    await until(async () => (await effects()) > (kill * events) / (kills + 2), `the effects before kill ${kill}`, 60_000)
    const victim = children.shift()
    if (victim) await ended(victim)
    children.push(launch())
  }
  await publishing
  const own = `SELECT CONCAT(subject, ' ', step) AS line FROM book WHERE CAST(SUBSTRING(subject, 6) AS UNSIGNED) <= ${ships} ORDER BY id`
  await until(async () => (await world.rows('harbours', own)).length >= events, 'all effects of the ledger', 60_000)
  // Then the fleet goes down for good, and one more process finds the rest.
  await Promise.all(children.map(ended))
  const last = launch()
  const committed = () => count('ships', 'SELECT COUNT(*) AS n FROM outbox')
  await until(async () => (await effects()) >= (await committed()), 'every effect', 60_000)
  await ended(last)

  const booked = (await world.rows('harbours', own)).map(({ line }) => line)
  expect(booked.toSorted()).toEqual(ledger.toSorted())
  expect(faultsOf(await world.rows('harbours', 'SELECT * FROM book ORDER BY id'))).toEqual({ duplicates: 0, inversions: 0 })
  const told = `SELECT COUNT(*) AS n FROM outbox WHERE CAST(SUBSTRING(subject, 6) AS UNSIGNED) > ${ships}`
  expect(await count('ships', told)).toBe(await count('ships', 'SELECT COUNT(*) AS n FROM ship'))
  expect(executions).toBeLessThanOrEqual((await effects()) + 150 * (kills + fleet + 1))
}, 180_000)
