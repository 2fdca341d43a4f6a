import { Context, Effect, Exit, Layer, Option, Ref, Scope } from "effect"
import type { ExecutionError } from "../domain/Failure.ts"
import type { EngineLaunch } from "../engines/Engine.ts"
import { type EngineHandle, EngineHost, type LaunchContext } from "../executors/EngineHost.ts"

/** An engine for one cell. */
export interface Lease {
  readonly handle: EngineHandle
  /** True when an earlier cell started it: it is loaded already. */
  readonly reused: boolean
  /** The folder of the cell that it was started for, where its log is. */
  readonly startedIn: string
  /** Ends the engine, or keeps it for the next cell when the study reuses engines and the cell went well. */
  readonly release: (keep: boolean) => Effect.Effect<void>
}

interface Kept {
  readonly key: string
  readonly startedIn: string
  readonly handle: EngineHandle
  readonly scope: Scope.Closeable
}

/**
 * Starts an engine for every cell, or hands on the one of the cell before when its launch is identical and the study
 * says so (`execution.reuse_engine`). Whatever is kept is stopped when the pool's scope closes.
 */
export class EnginePool extends Context.Service<
  EnginePool,
  {
    lease(
      launch: EngineLaunch,
      context: LaunchContext,
      reuse: boolean,
    ): Effect.Effect<Lease, ExecutionError, Scope.Scope>
    /** Ends a kept engine that this launch cannot use; true when there is one that it will use. */
    settle(launch: EngineLaunch, context: LaunchContext, reuse: boolean): Effect.Effect<boolean>
  }
>()("llem/harness/EnginePool") {}

/** Two cells can share an engine when nothing about its process, nor about where it lives, differs. */
const keyOf = (launch: EngineLaunch, { cell: { runner, placement } }: LaunchContext): string =>
  JSON.stringify([
    launch.program,
    launch.argv,
    launch.env,
    launch.texts ?? {},
    launch.mounts,
    runner.mode,
    runner.image,
    placement.gpuUuids,
    placement.container,
    placement.engineVariant,
  ])

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const stop = (kept: Kept) => Scope.close(kept.scope, Exit.void)

export const layer = Layer.effect(
  EnginePool,
  Effect.gen(function* () {
    const host = yield* EngineHost
    const slot = yield* Ref.make<Kept | null>(null)
    const takeKept = Ref.getAndSet(slot, null)
    yield* Effect.addFinalizer(() => Effect.flatMap(takeKept, (kept) => (kept === null ? Effect.void : stop(kept))))

    const start = Effect.fnUntraced(function* (launch: EngineLaunch, context: LaunchContext, restore: Restore) {
      const scope = yield* Scope.make()
      const launched = host.launch(launch, context).pipe(Scope.provide(scope))
      const handle = yield* restore(launched).pipe(Effect.onError(() => Scope.close(scope, Exit.void)))
      return { key: keyOf(launch, context), startedIn: context.directory, handle, scope }
    })

    /** The kept engine, if it lives and the launch can use it; one that it cannot use ends. */
    const takeFitting = Effect.fnUntraced(function* (launch: EngineLaunch, context: LaunchContext, reuse: boolean) {
      const before = yield* takeKept
      if (before === null) return null
      const alive = Option.isNone(yield* Effect.timeoutOption(before.handle.exit, 0))
      if (alive && reuse && before.key === keyOf(launch, context)) return before
      yield* stop(before)
      return null
    })

    return EnginePool.of({
      settle: (launch, context, reuse) =>
        Effect.uninterruptible(
          Effect.gen(function* () {
            const fitting = yield* takeFitting(launch, context, reuse)
            if (fitting !== null) yield* Ref.set(slot, fitting)
            return fitting !== null
          }),
        ),
      lease: (launch, context, reuse) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const fitting = yield* takeFitting(launch, context, reuse)
            const engine = fitting ?? (yield* start(launch, context, restore))
            const done = yield* Ref.make(false)
            const release = (keep: boolean) =>
              Effect.gen(function* () {
                if (yield* Ref.getAndSet(done, true)) return
                yield* reuse && keep ? Ref.set(slot, engine) : stop(engine)
              })
            yield* Effect.addFinalizer((exit) => release(Exit.isSuccess(exit)))
            const { handle, startedIn } = engine
            return { handle, startedIn, reused: fitting !== null, release }
          }),
        ),
    })
  }),
)
