import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { DfError, startWith } from '@damselfly/core'
import { createLog, type LogLevel } from '@damselfly/core/log'
import type { CommandContext } from '../io.ts'
import { type DataDir, dataDir } from '../local/data-dir.ts'
import { prepareDirs } from '../local/prepare-dirs.ts'
import { readUpFile, removeUpFile, type UpFile, writeUpFile } from '../local/up-file.ts'
import { serveUntil } from '../serve/serve-until.ts'
import { PortChooser } from './choose-ports.ts'
import { startRoles } from './start-roles.ts'
import { planUp } from './up-plan.ts'
import { upText } from './up-text.ts'

export interface UpFlags {
  readonly dataDir?: string
  readonly host: string
  readonly logLevel: LogLevel
}

/** Runs a scheduler, a seed and a peer on embedded defaults until told to stop. */
export async function runUp(flags: UpFlags, { io, signal }: CommandContext): Promise<void> {
  const data = dataDir(flags.dataDir, io)
  await refuseSecond(data)
  const plan = await planUp(flags.host, data, new PortChooser(flags.host))
  await prepareDirs(data, [plan.peer.socketPath, plan.seed.socketPath])
  for (const { storeDir } of [plan.peer, plan.seed])
    await mkdir(storeDir, { recursive: true, mode: 0o700 })
  const log = createLog({ level: flags.logLevel, file: join(data.log, 'up.log') })
  const { running, file } = await startWith(async (stack) => {
    const file = await startRoles(plan, log, stack)
    await writeUpFile(data.upFile, file)
    stack.push('up.json', () => removeUpFile(data.upFile, file.pid))
    return { running: stack.toRunning(), file }
  })
  io.stdout.write(upText(file, plan, data.root, io.columns))
  await serveUntil(running, signal)
}

/** The locks of the stores would stop it, too, but could not say where the first one is. */
async function refuseSecond(data: DataDir): Promise<void> {
  const up = await readUpFile(data.upFile)
  if (up === undefined || !(await answers(up.peer.socketPath))) return
  throw alreadyUp(up, data)
}

function alreadyUp(up: UpFile, data: DataDir): DfError {
  return new DfError(
    'AlreadyRunning',
    `Damselfly is already up for ${data.root}: process ${up.pid}, scheduler ${up.scheduler}, peer ${up.peer.socketPath}. Use that one, stop it, or start this one with another --data-dir.`,
    { details: { pid: up.pid, dataDir: data.root } },
  )
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
