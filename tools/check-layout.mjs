// Checks what the linter cannot: which package may depend on which (ARCHITECTURE.md), and how long a file may be.
// Together with Biome's noUndeclaredDependencies (a file imports only what its package.json lists) this fixes the direction
// of every import. Exit 1 with a line per offence.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Lower layers never depend on higher ones, nor on their own. */
const layers = [
  ['api', 'core'],
  ['rpc', 'transport', 'storage', 'sources', 'policy'],
  ['daemon', 'scheduler'],
  ['cli', 'testkit'],
  ['sim'],
]
const maxLines = 500

const offences = []
const layerOf = (name) => layers.findIndex((names) => names.includes(name))
for (const name of readdirSync('packages')) {
  const manifest = JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8'))
  if (layerOf(name) < 0)
    offences.push(`packages/${name} is in no layer; add it to tools/check-layout.mjs`)
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    const [, other] = /^@damselfly\/(.+)$/.exec(dependency) ?? []
    if (other !== undefined && layerOf(other) >= layerOf(name)) {
      offences.push(`packages/${name} must not depend on ${dependency}: it is not in a lower layer`)
    }
  }
}
const files = execFileSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', '*.ts', '*.mjs', '*.js'],
  {
    encoding: 'utf8',
  },
)
for (const file of files.split('\n')) {
  if (file === '' || file.includes('/gen/')) continue
  const lines = readFileSync(file, 'utf8').split('\n').length - 1
  if (lines > maxLines)
    offences.push(`${file} has ${lines} lines, more than ${maxLines}; divide it`)
}
for (const offence of offences) console.error(offence)
process.exit(offences.length === 0 ? 0 : 1)
