import { Effect, Layer } from "effect"
import type { LocalError } from "../domain/Failure.ts"
import { LoadClient, type LoadRecord } from "./LoadClient.ts"
import { LoadSession } from "./LoadSession.ts"

/**
 * The load client over plain sockets: HTTP/1.1 on kept connections, every chunk stamped at the read of its socket.
 * As many requests are in flight as the schedule says.
 */
export const layer = Layer.succeed(
  LoadClient,
  LoadClient.of({
    run: (load) =>
      Effect.callback<LoadRecord, LocalError>((resume) => {
        const session = new LoadSession(
          load,
          (record) => resume(Effect.succeed(record)),
          (error) => resume(Effect.fail(error)),
        )
        void session.start()
        return Effect.sync(() => session.stop())
      }),
  }),
)
