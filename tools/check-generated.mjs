// Fails when the generated code in the work tree is not what the .proto files give. Changes nothing.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const generated = 'packages/api/src/gen'
const bin = join(root, 'node_modules/.bin')
const limit = 5

const fresh = mkdtempSync(join(tmpdir(), 'check-generated-'))
try {
  const problem = check()
  if (problem !== undefined) {
    console.error(problem)
    process.exitCode = 1
  }
} finally {
  rmSync(fresh, { recursive: true, force: true })
}

function check() {
  const buf = spawnSync(join(bin, 'buf'), ['generate', '--output', fresh], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) },
  })
  if (buf.status !== 0) {
    return `buf generate failed: ${buf.error?.message ?? buf.stderr.trim()}`
  }
  const stale = differences(read(join(root, generated)), read(join(fresh, generated)))
  if (stale.length === 0) return undefined
  const more = stale.length > limit ? ` and ${stale.length - limit} more` : ''
  const names = stale.slice(0, limit).join(', ')
  return `Generated code in ${generated} is not up to date (${names}${more}): run "npm run gen" and commit the result.`
}

function read(directory) {
  const files = new Map()
  for (const entry of list(directory)) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files.set(path.slice(directory.length + 1), readFileSync(path, 'utf8'))
  }
  return files
}

function list(directory) {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

function differences(have, want) {
  const names = [...new Set([...have.keys(), ...want.keys()])].sort()
  return names.filter((name) => have.get(name) !== want.get(name))
}
