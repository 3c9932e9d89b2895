import { lstat, rm } from 'node:fs/promises'

/**
 * Dragonfly's daemon makes the output when a download begins, at its full length, and leaves it there when the download
 * fails, where it looks like a complete file. Ours makes it at the end. So what appears with the first message is the
 * daemon's, and goes when the download fails; whatever was there before, or came later, is not touched.
 */
export class EarlyOutput {
  readonly #path: string
  readonly #before: string | undefined
  #made: string | undefined

  private constructor(path: string, before: string | undefined) {
    this.#path = path
    this.#before = before
  }

  static async watch(path: string): Promise<EarlyOutput> {
    return new EarlyOutput(path, await identity(path))
  }

  async started(): Promise<void> {
    const now = await identity(this.#path)
    if (this.#before === undefined) this.#made = now
  }

  async failed(): Promise<void> {
    if (this.#made === undefined || this.#made !== (await identity(this.#path))) return
    await rm(this.#path, { force: true }).catch(() => {})
  }
}

async function identity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, isFile } = await lstat(path).then((s) => ({ ...s, isFile: s.isFile() }))
    return isFile ? `${dev}:${ino}` : undefined
  } catch {
    return undefined
  }
}
