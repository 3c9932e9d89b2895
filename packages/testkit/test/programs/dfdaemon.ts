// A dfdaemon without a command line of its own: `node dfdaemon.ts --config FILE`.
import { silentLog } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { daemonConfigSchema, startDaemon } from '@damselfly/daemon'

const file = process.argv.at(-1)
const daemon = await startDaemon(loadConfig({ schema: daemonConfigSchema, file }), {
  version: 'test',
  log: silentLog,
})
process.once('SIGTERM', () => void daemon.stop())
