import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './find-program.ts'
import { matrix } from './matrix.ts'

// npm run e2e [-- SUITE]: end-to-end suites. They are apart from `npm test` because they kill processes, need other people's
// programs, or take minutes.

interface Suite {
  readonly about: string
  /** Environment variables that name programs, with what they name. */
  readonly needs: Readonly<Record<string, string>>
  /** Installed programs, with the Debian packages that bring them. */
  readonly programs: Readonly<Record<string, string>>
}

const suites: Readonly<Record<string, Suite>> = {
  kill: { about: 'kill -9 of every role in mid-download', needs: {}, programs: {} },
  bundle: { about: 'the programs as they are shipped', needs: {}, programs: {} },
  interop: {
    about: 'mixed swarms with the real Dragonfly; prints a matrix',
    needs: {
      DRAGONFLY_DFDAEMON: 'the Rust dfdaemon (client 1.5)',
      DRAGONFLY_DFGET: 'its dfget',
      DRAGONFLY_DFCACHE: 'its dfcache',
      DRAGONFLY_DFCTL: 'its dfctl',
      DRAGONFLY_SCHEDULER: 'the Go scheduler (2.5)',
      DRAGONFLY_MANAGER: 'the Go manager (2.5)',
    },
    programs: { 'redis-server': 'redis-server', initdb: 'postgresql', postgres: 'postgresql' },
  },
}

const usage = `usage: npm run e2e -- SUITE

${Object.entries(suites)
  .map(([name, { about }]) => `  ${name.padEnd(10)}${about}`)
  .join('\n')}

Without a suite: kill.
`

process.exitCode = await main(process.argv.slice(2))

async function main([name = 'kill', ...rest]: string[]): Promise<number> {
  const suite = suites[name]
  if (suite === undefined || rest.length > 0) {
    process.stderr.write(usage)
    return 2
  }
  const missing = missingParts(suite)
  if (missing.length > 0) {
    process.stderr.write(
      `error: the suite ${name} runs programs that Damselfly does not contain:\n${missing.join('')}`,
    )
    return 2
  }
  const dir = mkdtempSync(join(tmpdir(), 'damselfly-e2e-'))
  try {
    const report = join(dir, 'report.json')
    const code = await vitest(`e2e/${name}/`, report)
    if (name === 'interop') process.stdout.write(`\n${matrix(readFileSync(report, 'utf8'))}`)
    return code
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function missingParts({ needs, programs }: Suite): string[] {
  const variables = Object.entries(needs).filter(([variable]) => !process.env[variable])
  const packages = Object.entries(programs).filter(
    ([program]) => findProgram(program) === undefined,
  )
  return [
    ...variables.map(([variable, what]) => `  set ${variable}: path of ${what}\n`),
    ...packages.map(([program, debian]) => `  install ${program}: apt-get install ${debian}\n`),
  ]
}

function vitest(folder: string, report: string): Promise<number> {
  const args = ['run', '--project', 'e2e', folder, '--reporter=verbose', '--reporter=json']
  const child = spawn('vitest', [...args, `--outputFile.json=${report}`], { stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}
