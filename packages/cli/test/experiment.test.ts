import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunningScheduler, schedulerConfigSchema, startScheduler } from '@damselfly/scheduler'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { tmpDir } from '../../testkit/src/tmp-dir.ts'
import { damselfly } from '../src/programs/damselfly.ts'
import { fakeContext } from './support/fake-io.ts'

const yaml = `
name: four-in-flight
candidates:
  - name: four
    client: { concurrency: 4 }
    policy: { name: default, params: { sampleSize: 32 } }
margins: { origin: 0.03 }
`

let cwd: string
let scheduler: RunningScheduler
let address: string

beforeEach(async () => {
  const dir = await tmpDir()
  onTestFinished(() => dir[Symbol.asyncDispose]())
  cwd = dir.path
  await writeFile(join(cwd, 'experiment.yaml'), yaml)
  const server = { listenIP: '127.0.0.1', port: 0 }
  scheduler = await startScheduler(schedulerConfigSchema.parse({ server }))
  onTestFinished(() => scheduler.stop())
  address = `127.0.0.1:${scheduler.endpoint.port}`
})

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const context = fakeContext({ cwd, env: { HOME: cwd, ...env } })
  const exitCode = await damselfly(['experiment', ...args], context)
  return { exitCode, out: context.io.out(), err: context.io.err() }
}

const ask = (...args: string[]) => run([...args, '--scheduler', address])

describe('damselfly experiment', () => {
  it('starts, tells and stops', async () => {
    expect(await ask('status')).toMatchObject({ out: 'There has been no experiment.\n' })
    const started = await ask('start', 'experiment.yaml')
    expect(started).toMatchObject({ exitCode: 0, err: '' })
    expect(started.out).toContain('Experiment four-in-flight runs since')
    expect((await ask('status')).out).toContain('four: CONTINUE (too-early)')
    expect((await ask('stop')).out).toContain('Experiment four-in-flight ran from')
    expect((await ask('status')).out).toContain('ran from')
  })

  it('tells all of it as JSON', async () => {
    await ask('start', 'experiment.yaml')
    const { out } = await ask('status', '--json')
    expect(JSON.parse(out)).toMatchObject({
      experiment: {
        name: 'four-in-flight',
        isRunning: true,
        candidates: [
          {
            candidate: 'four',
            verdict: 'continue',
            cause: 'too-early',
            swarms: { control: 0, candidate: 0 },
            guardrails: expect.arrayContaining([
              { name: 'origin', state: 'unknown', margin: 0.03, isWatched: false },
            ]),
          },
        ],
      },
    })
  })

  it('names the mistakes of a file before it asks anybody', async () => {
    await writeFile(join(cwd, 'wrong.yaml'), 'name: x\ncandidates: [{name: control}]\nspeed: 1\n')
    const { exitCode, err } = await run(['start', 'wrong.yaml', '--scheduler', '127.0.0.1:1'])
    expect(exitCode).toBe(2)
    expect(err).toContain('wrong.yaml is not valid')
    expect(err).toContain('exists today')
    expect(err).toContain('"speed"')
  })

  it('does not start what the scheduler cannot run, or a second one', async () => {
    await writeFile(
      join(cwd, 'unknown.yaml'),
      'name: x\ncandidates: [{name: a, policy: {name: none}}]\n',
    )
    const unknown = await ask('start', 'unknown.yaml')
    expect(unknown).toMatchObject({ exitCode: 2, err: expect.stringContaining('"none"') })
    await ask('start', 'experiment.yaml')
    const second = await ask('start', 'experiment.yaml', '--json')
    expect(second).toMatchObject({ exitCode: 6, err: expect.stringContaining('stop it before') })
    expect(JSON.parse(second.out)).toMatchObject({ event: 'error', code: 'AlreadyRunning' })
  })

  it('has nothing to stop when nothing runs', async () => {
    expect(await ask('stop')).toMatchObject({ exitCode: 2, err: 'error: No experiment runs.\n' })
  })

  it('finds the scheduler of "damselfly up"', async () => {
    const daemon = { socketPath: 's', grpc: 'g', pieces: 'p', health: 'h', metrics: 'm' }
    const up = {
      pid: 1,
      version: '0',
      startedAt: '',
      scheduler: address,
      seed: daemon,
      peer: daemon,
    }
    await mkdir(join(cwd, 'data', 'run'), { recursive: true })
    await writeFile(join(cwd, 'data', 'run', 'up.json'), JSON.stringify(up))
    const { err } = await run(['status', '--verbose'], { DAMSELFLY_HOME: join(cwd, 'data') })
    expect(err).toBe(`Scheduler: ${address}\n`)
    const named = await run(['status', '--verbose'], { DAMSELFLY_SCHEDULER: address })
    expect(named.err).toBe(`Scheduler: ${address}\n`)
  })

  it('says that nobody answers, and what is no address', async () => {
    const nobody = await run(['status', '--scheduler', '127.0.0.1:1'])
    expect(nobody).toMatchObject({ exitCode: 6, err: expect.stringContaining('does not answer') })
    const wrong = await run(['status', '--scheduler', 'here'])
    expect(wrong).toMatchObject({ exitCode: 2, err: expect.stringContaining('host:port') })
  })
})
