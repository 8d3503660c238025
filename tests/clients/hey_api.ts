// Signs in and lists accounts with the client of @hey-api/openapi-ts.
import { createClient, createConfig } from './client/client'
import { Perisai, type Account } from './client'

declare const process: { env: Record<string, string | undefined> }

const baseUrl = process.env.PERISAI_URL ?? ''
const username = process.env.PERISAI_USERNAME ?? ''
const password = process.env.PERISAI_PASSWORD ?? ''

async function main(): Promise<void> {
  let token = ''
  const client = createClient(createConfig({ baseUrl, auth: () => token }))
  const perisai = new Perisai({ client })
  const signedIn = await perisai.auth.createToken({
    body: { grant_type: 'password', username, password },
  })
  if (!signedIn.data || !('access_token' in signedIn.data)) throw new Error('not signed in')
  const refused = await perisai.accounts.list()
  token = signedIn.data.access_token
  const listed = await perisai.accounts.list({ query: { limit: 10 } })
  const accounts: Account[] = listed.data?.items ?? []
  console.log(
    JSON.stringify({
      names: accounts.map((account) => account.username),
      roles: accounts.flatMap((account) => account.roles),
      refused: refused.error?.code,
    }),
  )
}

void main()
