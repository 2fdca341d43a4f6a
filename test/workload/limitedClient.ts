import { Effect } from "effect"
import { LoadClient } from "../../src/workload/LoadClient.ts"
import * as SocketClient from "../../src/workload/socketClient.ts"
import { encode, workload } from "./scriptedServer.ts"

/** 200 requests at once against a port of this machine; prints the error, or the number of records. */
const asked = LoadClient.use((client) =>
  client.run({
    endpoint: { kind: "tcp", host: "127.0.0.1", port: Number(process.argv[2]) },
    schedule: { kind: "closed", concurrency: 200 },
    requests: workload(200),
    encode,
    silenceSeconds: 5,
  }),
).pipe(Effect.provide(SocketClient.layer))

const said = await Effect.runPromise(
  Effect.match(asked, { onFailure: (error) => error, onSuccess: (r) => r.requests.length }),
)
console.log(JSON.stringify(said))
process.exit(0)
