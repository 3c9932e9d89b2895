// A process that goes through a store's protocol and dies on the way. Argument: a `Plan` as JSON.
import { runScenario } from './scenario.ts'

await runScenario(JSON.parse(process.argv[2] ?? '{}'))
