import { daemonCommand } from '../main/daemon-command.ts'
import { runProgram } from '../main/run-program.ts'
import { dfget } from '../programs/dfget.ts'

await runProgram(dfget, { daemonCommand: daemonCommand(import.meta.url) })
