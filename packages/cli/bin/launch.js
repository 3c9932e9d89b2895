import * as module from 'node:module'

// Plain JavaScript that old versions of Node can read, so that they say what is wrong instead of failing somewhere.
const [major] = process.versions.node.split('.')

export async function launch(program) {
  if (Number(major) < 24) {
    process.stderr.write(
      `error: ${program} needs Node 24 or newer and this is ${process.version}: install Node 24 or, on Linux with x64 or arm64, start it as "npx ${program}", which uses the Node that comes with Damselfly.\n`,
    )
    process.exitCode = 1
    return
  }
  // The second start of a program finds its code compiled: dfget is run once per file.
  module.enableCompileCache?.()
  await import(`../src/bin/${program}.ts`)
}
