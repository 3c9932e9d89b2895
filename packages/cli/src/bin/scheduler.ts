import { daemonCommand } from '../main/daemon-command.ts'
import { runProgram } from '../main/run-program.ts'
import { scheduler } from '../programs/scheduler.ts'

await runProgram(scheduler, { daemonCommand: daemonCommand(import.meta.url) })
