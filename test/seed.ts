/**
 * With TEST_SEED all properties and generated histories take that seed, so that what fails is what
 * a change has broken. Without it each run has seeds of its own, and a failure prints its own.
 */

const seed = process.env['TEST_SEED']
if (seed !== undefined) {
  const { default: fc } = await import('fast-check')
  fc.configureGlobal({ seed: Number(seed) })
}

export {}
