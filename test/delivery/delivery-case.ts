import type { Scene } from './scene.ts'

/**
 * A case by name. `run` throws where what must hold does not. A control takes a mechanism away and
 * throws unless the oracle then finds something: it shows that the case needs the mechanism.
 */
export interface DeliveryCase {
  readonly name: string
  /** Servers it can run on; absent: any. */
  readonly on?: 'dev' | 'apache'
  run(scene: Scene): Promise<void>
}
