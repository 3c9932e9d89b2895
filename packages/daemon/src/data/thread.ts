import { enableCompileCache } from 'node:module'

// The entry of a data thread. Every daemon starts several of them: what the first one compiled the others find.
enableCompileCache()
await import('./run-thread.ts')
