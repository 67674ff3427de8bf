/** The seed of everything random here: printed, and taken from VIEWS_SEED to see a failure again. */
export const seed = Number(
  process.env['VIEWS_SEED'] ?? process.env['TEST_SEED'] ?? Date.now() % 2 ** 31,
)

export function printSeed(what: string): void {
  process.stderr.write(`${what}: VIEWS_SEED=${seed}\n`)
}
