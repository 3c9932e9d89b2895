import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Running, sleep, startWith, systemClock } from '@damselfly/core'
import { freePort } from '@damselfly/testkit'
import { BenchError } from './bench.ts'

export interface Nginx extends Running {
  readonly pid: number
  /** Of a file in `www`. */
  url(file: string): string
  /** Bytes of content that it has sent; only when it was asked to count. */
  bytesSent(): Promise<number>
}

export interface NginxOptions {
  /** Default: the loopback address. */
  readonly ip?: string
  /** Before the command, e.g. to enter a network namespace. */
  readonly enter?: readonly string[]
  readonly counts?: boolean
}

const readyTimeoutMs = 5_000

/** Serves the directory `www` in `dir` on a free port, with sendfile, in one process. */
export function startNginx(
  program: string,
  dir: string,
  { ip = '127.0.0.1', enter = [], counts = false }: NginxOptions = {},
): Promise<Nginx> {
  return startWith(async (stack) => {
    const port = await freePort()
    await mkdir(join(dir, 'www'), { recursive: true })
    await mkdir(join(dir, 'tmp'), { recursive: true })
    const file = join(dir, 'nginx.conf')
    const log = join(dir, 'access.log')
    await writeFile(file, configuration(dir, `${ip}:${port}`, counts ? log : undefined))
    const errorLog = join(dir, 'error.log')
    const command = [...enter, program, '-p', dir, '-e', errorLog, '-c', file]
    const [executable = '', ...args] = command
    const child = spawn(executable, args, { stdio: 'ignore' })
    const exited = once(child, 'exit')
    stack.push('nginx', async () => {
      child.kill('SIGTERM')
      await exited
    })
    const url = (name: string): string => `http://${ip}:${port}/${name}`
    const giveUpAt = systemClock.monotonic() + readyTimeoutMs
    while (!(await answers(url('')))) {
      if (child.exitCode !== null || systemClock.monotonic() > giveUpAt) {
        throw new BenchError(`nginx did not start; see ${errorLog}.`)
      }
      await sleep(systemClock, 20)
    }
    const bytesSent = async (): Promise<number> =>
      sum((await readFile(log, 'utf8')).split('\n').map(Number))
    return { ...stack.toRunning(), pid: child.pid ?? 0, url, bytesSent }
  })
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).arrayBuffer()
    return true
  } catch {
    return false
  }
}

function configuration(dir: string, listen: string, log: string | undefined): string {
  // Not the paths that were compiled in: only root may write there.
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${dir}/tmp;`,
  )
  return `daemon off;
master_process off;
pid ${dir}/nginx.pid;
events {}
http {
  log_format bytes '$body_bytes_sent';
  access_log ${log === undefined ? 'off' : `${log} bytes`};
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  default_type application/octet-stream;
  ${temporary.join('\n  ')}
  server {
    listen ${listen};
    root ${dir}/www;
  }
}
`
}
