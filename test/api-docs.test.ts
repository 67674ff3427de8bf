import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { apiReference } from '../api/reference.ts'
import { checkedClient, testApp } from './api-client.ts'

const file = new URL('../docs/api.md', import.meta.url)
const generated = /(?<=<!-- made from the OpenAPI document -->\n)[\s\S]*(?=<!-- end -->)/

test('docs/api.md lists every route as the OpenAPI document has it', () => {
  const page = readFileSync(file, 'utf8')
  const wanted = `\n${apiReference(testApp())}\n\n`
  if (process.env['UPDATE_DOCS'] === '1')
    writeFileSync(
      file,
      page.replace(generated, () => wanted),
    )
  expect(generated.exec(readFileSync(file, 'utf8'))?.[0]).toBe(wanted)
})

test('every curl of the page is a request without mistakes', async () => {
  const send = checkedClient(testApp())
  const curls = [
    ...readFileSync(file, 'utf8').matchAll(
      /`curl(?: -X (\w+))? "\$TTP([^"]+)"(?: --json '(.*)')?`/g,
    ),
  ]
  expect(curls.length).toBeGreaterThan(15)
  for (const [line, method = 'GET', path = '', body] of curls) {
    const headers = { 'content-type': 'application/json' }
    const { status } = await send(path, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    })
    expect([200, 201, 202, 404], line).toContain(status)
  }
})
