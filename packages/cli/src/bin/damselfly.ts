import { daemonCommand } from '../main/daemon-command.ts'
import { runProgram } from '../main/run-program.ts'
import { damselfly } from '../programs/damselfly.ts'

await runProgram(damselfly, { daemonCommand: daemonCommand(import.meta.url) })
