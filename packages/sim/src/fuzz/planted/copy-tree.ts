import { cp, mkdir, readdir, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** Our own packages; in a copy they have to be the copied ones. */
const scope = '@damselfly'

/** Copies the sources of the workspace to `target`, where they run as they do here; what others wrote is shared. */
export async function copyTree(root: string, target: string): Promise<void> {
  await mkdir(join(target, 'node_modules', scope), { recursive: true })
  await cp(join(root, 'package.json'), join(target, 'package.json'))
  await cp(join(root, 'packages'), join(target, 'packages'), {
    recursive: true,
    filter: (path) => !['node_modules', 'dist'].includes(basename(path)),
  })
  for (const name of await readdir(join(root, 'packages'))) {
    await symlink(join('..', '..', 'packages', name), join(target, 'node_modules', scope, name))
  }
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (name === scope || name.startsWith('.')) continue
    await symlink(join(root, 'node_modules', name), join(target, 'node_modules', name))
  }
}
