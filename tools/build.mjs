// Makes what is shipped: dist/damselfly, an npm package without dependencies whose programs start fast.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const out = 'dist/damselfly'
const cli = 'packages/cli'
const manifest = JSON.parse(readFileSync(`${cli}/package.json`, 'utf8'))
const programs = Object.keys(manifest.bin)

rmSync(out, { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: programs.map((name) => `${cli}/src/bin/${name}.ts`),
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
    },
    undefined,
    2,
  )}\n`,
)

const bytes = Object.values(metafile.outputs).reduce((sum, { bytes: size }) => sum + size, 0)
console.log(`${out}: ${programs.join(', ')} (${(bytes / 1024 / 1024).toFixed(1)} MiB)`)
