import { daemonCommand } from '../main/daemon-command.ts'
import { runProgram } from '../main/run-program.ts'
import { dfdaemon } from '../programs/dfdaemon.ts'

await runProgram(dfdaemon, { daemonCommand: daemonCommand(import.meta.url) })
