/** What counts for fairness: among children first, then among the tasks of a child. */
export interface ShareKey {
  readonly child: string
  readonly taskId: string
}

interface Flow {
  /** Turns that are under way or wait. */
  turns: number
  /** Pieces being sent. */
  slots: number
  /** Bytes, counted from where the others stood when the flow last had to wait. */
  served: number
}

interface Child extends Flow {
  readonly tasks: Map<string, Flow>
  virtual: number
}

/**
 * Start-time fair queueing in two levels: who has been served the fewest bytes comes next. It does what deficit round robin
 * does, to the byte and without quanta. Who had nothing to send saves nothing up. Forgets who has no turn any more.
 */
export class FairShares {
  readonly #children = new Map<string, Child>()
  #virtual = 0

  get size(): number {
    return this.#children.size
  }

  join({ child, taskId }: ShareKey): void {
    let flow = this.#children.get(child)
    if (flow === undefined) {
      flow = { turns: 0, slots: 0, served: this.#virtual, virtual: 0, tasks: new Map() }
      this.#children.set(child, flow)
    }
    let task = flow.tasks.get(taskId)
    if (task === undefined) {
      task = { turns: 0, slots: 0, served: flow.virtual }
      flow.tasks.set(taskId, task)
    }
    flow.turns += 1
    task.turns += 1
  }

  leave(key: ShareKey): void {
    const [flow, task] = this.#flows(key)
    flow.turns -= 1
    task.turns -= 1
    if (task.turns === 0) flow.tasks.delete(key.taskId)
    if (flow.turns === 0) this.#children.delete(key.child)
  }

  /** A slot was given (1) or given back (-1). */
  countSlots(key: ShareKey, count: 1 | -1): void {
    for (const flow of this.#flows(key)) flow.slots += count
  }

  /** Slots that the child has. */
  slotsOf(child: string): number {
    return this.#children.get(child)?.slots ?? 0
  }

  /** From now on it waits; what it did not use before is lost. */
  beginToWait(key: ShareKey): void {
    const [flow, task] = this.#flows(key)
    flow.served = Math.max(flow.served, this.#virtual)
    task.served = Math.max(task.served, flow.virtual)
  }

  serve(key: ShareKey, bytes: number): void {
    const [flow, task] = this.#flows(key)
    this.#virtual = Math.max(this.#virtual, flow.served)
    flow.virtual = Math.max(flow.virtual, task.served)
    flow.served += bytes
    task.served += bytes
  }

  /** Whose bytes go first: negative for `a`, 0 when they stand alike. */
  compareBytes(a: ShareKey, b: ShareKey): number {
    const [childA, taskA] = this.#flows(a)
    const [childB, taskB] = this.#flows(b)
    if (childA !== childB) return childA.served - childB.served
    return taskA.served - taskB.served
  }

  /** Who gets the next slot. */
  compareSlots(a: ShareKey, b: ShareKey): number {
    const [childA, taskA] = this.#flows(a)
    const [childB, taskB] = this.#flows(b)
    if (childA !== childB) return childA.slots - childB.slots || childA.served - childB.served
    return taskA.slots - taskB.slots || taskA.served - taskB.served
  }

  #flows({ child, taskId }: ShareKey): [Child, Flow] {
    const flow = this.#children.get(child) as Child
    return [flow, flow.tasks.get(taskId) as Flow]
  }
}
