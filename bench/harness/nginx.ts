import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Running, sleep, startWith, systemClock } from '@damselfly/core'
import { freePort } from '@damselfly/testkit'
import { BenchError } from './bench.ts'

export interface Nginx extends Running {
  readonly pid: number
  /** Of a file in `www`. */
  url(file: string): string
}

const readyTimeoutMs = 5_000

/** Serves the directory `www` in `dir` on a free port, with sendfile, in one process. */
export function startNginx(program: string, dir: string): Promise<Nginx> {
  return startWith(async (stack) => {
    const port = await freePort()
    await mkdir(join(dir, 'www'), { recursive: true })
    await mkdir(join(dir, 'tmp'), { recursive: true })
    const file = join(dir, 'nginx.conf')
    await writeFile(file, configuration(dir, port))
    const errorLog = join(dir, 'error.log')
    const command = ['-p', dir, '-e', errorLog, '-c', file]
    const child = spawn(program, command, { stdio: 'ignore' })
    const exited = once(child, 'exit')
    stack.push('nginx', async () => {
      child.kill('SIGTERM')
      await exited
    })
    const url = (name: string): string => `http://127.0.0.1:${port}/${name}`
    const giveUpAt = systemClock.monotonic() + readyTimeoutMs
    while (!(await answers(url('')))) {
      if (child.exitCode !== null || systemClock.monotonic() > giveUpAt) {
        throw new BenchError(`nginx did not start; see ${errorLog}.`)
      }
      await sleep(systemClock, 20)
    }
    return { ...stack.toRunning(), pid: child.pid ?? 0, url }
  })
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).arrayBuffer()
    return true
  } catch {
    return false
  }
}

function configuration(dir: string, port: number): string {
  // Not the paths that were compiled in: only root may write there.
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${dir}/tmp;`,
  )
  return `daemon off;
master_process off;
pid ${dir}/nginx.pid;
events {}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  default_type application/octet-stream;
  ${temporary.join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    root ${dir}/www;
  }
}
`
}
