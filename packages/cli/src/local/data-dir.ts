import { createHash } from 'node:crypto'
import { homedir, tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import type { Io } from '../io.ts'

/** Where `up` and started daemons keep what they have, per user. */
export interface DataDir {
  readonly root: string
  /** Sockets, generated configurations and `up.json`. */
  readonly run: string
  readonly log: string
  /** What runs because of `damselfly up`. */
  readonly upFile: string
  /** Store of a daemon. */
  store(name: string): string
  /** Path of a unix socket that is short enough to be bound. */
  socket(name: string): string
}

/** What fits into `sun_path` of Linux with its end mark. */
export const maxSocketPathBytes = 107

/** The flag, else $DAMSELFLY_HOME, else $XDG_DATA_HOME/damselfly, else ~/.local/share/damselfly. */
export function dataDir(flag: string | undefined, { env, cwd }: Pick<Io, 'env' | 'cwd'>): DataDir {
  const given = notEmpty(flag) ?? notEmpty(env.DAMSELFLY_HOME)
  const root = given === undefined ? userDir(env) : resolve(cwd, given)
  const run = join(root, 'run')
  return {
    root,
    run,
    log: join(root, 'log'),
    upFile: join(run, 'up.json'),
    store: (name) => join(root, name),
    socket: (name) => socketPath(join(run, `${name}.sock`), root, env),
  }
}

function userDir(env: Io['env']): string {
  const data =
    notEmpty(env.XDG_DATA_HOME) ?? join(notEmpty(env.HOME) ?? homedir(), '.local', 'share')
  return join(data, 'damselfly')
}

/** A path that is too long moves to the runtime directory under a name that follows from the data directory. */
function socketPath(wanted: string, root: string, env: Io['env']): string {
  if (Buffer.byteLength(wanted) <= maxSocketPathBytes) return wanted
  const key = createHash('sha256')
    .update(wanted)
    .update('\0')
    .update(root)
    .digest('hex')
    .slice(0, 16)
  return join(runtimeDir(env), `${key}.sock`)
}

/** Short, and nobody else's: `prepareRunDirs` creates and checks it. */
export function runtimeDir(env: Io['env']): string {
  const runtime = notEmpty(env.XDG_RUNTIME_DIR)
  if (runtime !== undefined && Buffer.byteLength(runtime) < 64) return join(runtime, 'damselfly')
  return join(tmpdir(), `damselfly-${userInfo().uid}`)
}

const notEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)
