export { arms, DRAGONFLY, type RunOptions, type RunResult, runScenario } from './run-scenario.ts'
export { type Fault, MIB, type Scenario } from './scenarios/scenario.ts'
export { findScenario, scenarios } from './scenarios/scenarios.ts'
