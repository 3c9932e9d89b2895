import type { TaskId } from '@damselfly/core'
import type { LiveTask } from '../download/live-task.ts'
import type { MeshDeps } from './mesh-job.ts'
import { TaskMesh } from './task-mesh.ts'

/** The meshes of this host, one for each task that somebody downloads here or exchanges with us. */
export class Meshes {
  readonly #deps: MeshDeps
  readonly #meshes = new Map<TaskId, TaskMesh>()

  constructor(deps: MeshDeps) {
    this.#deps = deps
  }

  /** The mesh of this task; made when there is none. It goes by itself when nobody uses it. */
  of(live: LiveTask): TaskMesh {
    const { taskId } = live
    const known = this.#meshes.get(taskId)
    if (known?.live === live) return known
    // The task was deleted and is here anew.
    known?.close()
    const mesh = new TaskMesh(live, this.#deps, () => {
      if (this.#meshes.get(taskId) === mesh) this.#meshes.delete(taskId)
    })
    this.#meshes.set(taskId, mesh)
    return mesh
  }

  /** Links of all of them. */
  get neighbours(): number {
    return [...this.#meshes.values()].reduce((sum, { neighbours }) => sum + neighbours, 0)
  }

  /** Ends all links. */
  close(): void {
    for (const mesh of [...this.#meshes.values()]) mesh.close()
    this.#meshes.clear()
  }
}
