import { fileURLToPath } from 'node:url'

/**
 * How to start a daemon with this very Node and installation: the program `dfdaemon` beside the one whose module URL
 * is given, under the same extension, be it a source file or a bundle.
 */
export function daemonCommand(programUrl: string): readonly string[] {
  const extension = programUrl.slice(programUrl.lastIndexOf('.'))
  return [process.execPath, fileURLToPath(new URL(`./dfdaemon${extension}`, programUrl))]
}
