import { Schema } from "effect"

/** An integer with a lower bound. */
export const intAtLeast = (minimum: number) => Schema.Int.check(Schema.isGreaterThanOrEqualTo(minimum))

/** A finite number with a lower bound. */
export const numberAtLeast = (minimum: number) => Schema.Finite.check(Schema.isGreaterThanOrEqualTo(minimum))

/** A finite number between two bounds, both allowed. */
export const between = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

/** A field that may be left out. */
export const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(schema)

/** A field with the sentence that the JSON Schema and the reference page show for it. */
export const described = <S extends Schema.Top>(schema: S, description: string) => schema.annotate({ description })
