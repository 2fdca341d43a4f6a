import { test } from "bun:test"
import { Arbitrary, Data, Effect, Layer, type Schema, type Scope } from "effect"
import { TestClock, TestConsole } from "effect/testing"

const TestEnv = Layer.mergeAll(TestClock.layer(), TestConsole.layer)

/** Runs an Effect test on the test clock and test console. */
export const effect = <A, E>(name: string, body: () => Effect.Effect<A, E, Scope.Scope>, timeoutMs?: number): void =>
  test(name, () => Effect.runPromise(Effect.scoped(body()).pipe(Effect.provide(TestEnv), Effect.asVoid)), timeoutMs)

/** Runs an Effect test on the real clock and console. */
export const live = <A, E>(name: string, body: () => Effect.Effect<A, E, Scope.Scope>, timeoutMs = 60_000): void =>
  test(name, () => Effect.runPromise(Effect.scoped(body()).pipe(Effect.asVoid)), timeoutMs)

class PropertyThrew extends Data.TaggedError("PropertyThrew")<{ readonly message: string }> {}

/** Checks a property (it may return false or throw); a failing case is shrunk and printed. */
export const prop = <A>(
  name: string,
  arbitrary: Arbitrary.Arbitrary<A>,
  property: (value: A) => boolean | undefined,
  runs = 100,
): void =>
  test(name, async () => {
    const check = Arbitrary.checkEffect(
      arbitrary,
      (value) =>
        Effect.try({
          try: () => property(value) !== false,
          catch: (cause) => new PropertyThrew({ message: String(cause) }),
        }),
      { runs },
    )
    const result = await Effect.runPromise(check)
    const failure = Arbitrary.formatCheckFailure(result)
    if (failure !== undefined) throw new Error(failure)
  })

/** An arbitrary of the decoded values of a schema. */
export const arbitraryOf = <S extends Schema.Constraint>(schema: S): Arbitrary.Arbitrary<S["Type"]> =>
  Arbitrary.schema(schema)
