// One class `Perisai` with a part per resource: `perisai.members.list()`, as the operationIds say.
export default {
  input: 'openapi.json',
  output: 'hey-api/client',
  plugins: [
    '@hey-api/client-fetch',
    '@hey-api/typescript',
    { name: '@hey-api/sdk', operations: { strategy: 'single', containerName: 'Perisai' } },
  ],
}
