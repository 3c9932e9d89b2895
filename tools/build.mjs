// Makes what is shipped: dist/damselfly, an npm package whose programs start fast and whose only dependencies are native code.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { build } from 'esbuild'

const out = 'dist/damselfly'
const cli = 'packages/cli'
const manifest = readManifest(cli)
const programs = Object.keys(manifest.bin)
/** Native code cannot be bundled. */
const native = {
  dependencies: pick(readManifest('packages/core').dependencies, [
    '@napi-rs/blake-hash',
    '@node-rs/crc32',
  ]),
  optionalDependencies: pick(readManifest('packages/storage').optionalDependencies, ['koffi']),
}

rmSync(out, { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: {
    ...Object.fromEntries(programs.map((name) => [name, `${cli}/src/bin/${name}.ts`])),
    // Loaded by name, from beside the code that starts it.
    'data-thread': 'packages/daemon/src/data/thread.ts',
    'checkpoint-thread': 'packages/storage/src/metadata/checkpoint-entry.ts',
  },
  external: Object.values(native).flatMap((part) => Object.keys(part)),
  outdir: `${out}/lib`,
  bundle: true,
  // Parts that only some programs need become files of their own, loaded when they are needed.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'linked',
  metafile: true,
  // Bundled CommonJS packages call require for Node's own modules.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
})

mkdirSync(`${out}/bin`)
for (const file of readdirSync(`${cli}/bin`)) {
  const source = readFileSync(`${cli}/bin/${file}`, 'utf8')
  writeFileSync(
    `${out}/bin/${file}`,
    source.replace('/src/bin/', '/lib/').replace('.ts`', '.js`'),
    {
      mode: 0o755,
    },
  )
}
for (const file of ['LICENSE', 'README.md']) cpSync(file, `${out}/${file}`)
writeFileSync(
  `${out}/package.json`,
  `${JSON.stringify(
    {
      name: 'damselfly',
      version: manifest.version,
      description: 'Peer-to-peer distribution of files, images and models to many machines',
      license: 'Apache-2.0',
      type: 'module',
      bin: Object.fromEntries(programs.map((name) => [name, `./bin/${name}.js`])),
      engines: { node: '>=24' },
      ...native,
    },
    undefined,
    2,
  )}\n`,
)

// So that the directory runs as it is; whoever installs the package gets the native code of their own machine instead.
for (const name of nativeScopes(native)) {
  const from = `node_modules/${name}`
  if (existsSync(from)) cpSync(from, `${out}/node_modules/${name}`, { recursive: true })
}

const bytes = Object.values(metafile.outputs).reduce((sum, { bytes: size }) => sum + size, 0)
console.log(`${out}: ${programs.join(', ')} (${(bytes / 1024 / 1024).toFixed(1)} MiB)`)

function readManifest(dir) {
  return JSON.parse(readFileSync(`${dir}/package.json`, 'utf8'))
}

function pick(all, names) {
  return Object.fromEntries(names.map((name) => [name, all[name]]))
}

/** The packages, and the scopes that hold their binaries for each platform. */
function nativeScopes({ dependencies, optionalDependencies }) {
  const names = Object.keys({ ...dependencies, ...optionalDependencies })
  return new Set([...names.map((name) => name.split('/')[0]), '@koromix'])
}
