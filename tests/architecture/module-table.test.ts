import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { callsOf, moduleNames, moduleOfPath, moduleTable } from '#platform/module-table.ts'
import { neighbours } from '../../.dependency-cruiser.js'
import { databases } from '../../scripts/boundaries/sources.ts'
import { currentSnapshots } from '../../scripts/contracts/snapshot.ts'

/** What boot checks reckon with is what the walls enforce and the modules declare. */
describe('the table of modules', () => {
  it('knows the modules, neighbours and databases of the import rules', () => {
    expect(Object.fromEntries(moduleNames.map((name) => [name, callsOf(name)]))).toEqual(neighbours)
    expect(Object.fromEntries(moduleNames.map((name) => [name, moduleTable[name].database]))).toEqual(databases)
  })

  it('leads from every address of the API to the module that owns it', () => {
    const { paths }: { paths: Record<string, Record<string, { tags: string[] }>> } = JSON.parse(
      readFileSync('contracts/openapi.json', 'utf8'),
    )

    const wrong = Object.entries(paths).filter(([path, operations]) =>
      Object.values(operations).some(({ tags: [owner] }) => moduleNames.find((name) => name === owner) !== moduleOfPath(path)),
    )

    expect(wrong.map(([path]) => path)).toEqual([])
  })

  it('has a publisher for all that is heard among the neighbours: whoever can be called can be heard', async () => {
    const heard = (await currentSnapshots()).flatMap(({ module: publisher, events }) =>
      Object.values(events).flatMap(({ heardBy }) => heardBy.map((consumer) => ({ publisher, hearer: consumer.split('.')[0] }))),
    )
    const strangers = heard.filter(({ publisher, hearer }) => {
      const module = moduleNames.find((name) => name === hearer)
      return module === undefined || !callsOf(module).some((called) => called === publisher)
    })

    expect(heard.length).toBeGreaterThan(0)
    expect(strangers).toEqual([])
  })
})
