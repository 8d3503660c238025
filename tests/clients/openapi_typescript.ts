// Signs in and lists accounts with the types of openapi-typescript and with openapi-fetch.
import createClient from 'openapi-fetch'
import type { components, paths } from './schema'

declare const process: { env: Record<string, string | undefined> }

const baseUrl = process.env.PERISAI_URL ?? ''
const username = process.env.PERISAI_USERNAME ?? ''
const password = process.env.PERISAI_PASSWORD ?? ''

async function main(): Promise<void> {
  const client = createClient<paths>({ baseUrl })
  const signedIn = await client.POST('/v1/auth/token', {
    body: { grant_type: 'password', username, password },
  })
  if (!signedIn.data || !('access_token' in signedIn.data)) throw new Error('not signed in')
  const headers = { Authorization: `Bearer ${signedIn.data.access_token}` }
  const listed = await client.GET('/v1/accounts', { headers, params: { query: { limit: 10 } } })
  const accounts: components['schemas']['Account'][] = listed.data?.items ?? []
  const refused = await client.GET('/v1/accounts')
  console.log(
    JSON.stringify({
      names: accounts.map((account) => account.username),
      roles: accounts.flatMap((account) => account.roles),
      refused: refused.error?.code,
    }),
  )
}

void main()
