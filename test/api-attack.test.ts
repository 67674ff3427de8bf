import { expect, test } from 'vitest'
import { loadAttack } from '../schemas/attack.ts'
import { checkedClient, testApp } from './api-client.ts'

/** The catalogue of ATT&CK through the API, against the pinned release itself. */

const attack = loadAttack()
const send = checkedClient(testApp())
const path = '/api/v1/ttp/attack/techniques'

interface Page {
  readonly data: readonly { readonly technique_id: string; readonly is_active: boolean }[]
  readonly next_cursor: string | null
  readonly total: number
}

async function idsOf(query: string): Promise<string[]> {
  const ids: string[] = []
  let cursor = ''
  do {
    const { status, body } = await send(`${path}?limit=400${query}${cursor}`)
    expect(status).toBe(200)
    // Checked: the client holds every body to the OpenAPI document.
    const { data, next_cursor, total } = body as Page
    ids.push(...data.map((row) => row.technique_id))
    cursor = next_cursor === null ? '' : `&cursor=${next_cursor}`
    if (cursor === '') expect(ids).toHaveLength(total)
  } while (cursor !== '')
  return ids
}

test('pages hold every technique in use once, and with all=true every technique', async () => {
  const active = attack.techniques().filter((one) => !one.isRevoked && !one.isDeprecated)
  expect(await idsOf('')).toEqual(active.map(({ id }) => id).toSorted())
  expect(await idsOf('&all=true')).toEqual(
    attack
      .techniques()
      .map(({ id }) => id)
      .toSorted(),
  )
})

test('a tactic and a domain narrow the list, and a tactic that is none is a mistake', async () => {
  const ids = await idsOf('&tactic=credential-access&domain=enterprise-attack')
  expect(ids).toContain('T1003.006')
  for (const id of ids) expect(attack.technique(id)?.tactics).toContain('TA0006')
  expect((await send(`${path}?tactic=stealth`)).status).toBe(400)
})

test('a sub-technique has its parent, its tactics by name and its groups; a revoked one its successor', async () => {
  const { body } = await send(`${path}?all=true&limit=1000`)
  const { data } = body as Page
  const of = (id: string) => data.find((row) => row.technique_id === id)
  expect(of('T1003.006')).toMatchObject({
    parent_id: 'T1003',
    tactics: [{ id: 'TA0006', name: 'Credential Access' }],
    groups: attack.groups('T1003.006').map(({ id, name }) => ({ id, name })),
    url: 'https://attack.mitre.org/techniques/T1003/006/',
  })
  expect(of('T1002')).toMatchObject({ is_active: false, revoked_by: 'T1560', parent_id: null })
})
