import type { Scene } from './scene.ts'

/**
 * A case by name. `run` throws where what must hold does not.
 *
 * A control is a case with its mechanism taken away: the case's own assertion must fail, and say
 * something that matches `mustFail`. It shows that the case would notice.
 */
export interface DeliveryCase {
  readonly name: string
  /** Servers it can run on; absent: any. */
  readonly on?: 'dev' | 'apache'
  readonly mustFail?: RegExp
  /** Sets what holds for every engine of this process: nothing else runs beside it. */
  readonly isAlone?: boolean
  run(scene: Scene): Promise<void>
}
