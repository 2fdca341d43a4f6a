/**
 * When requests are sent, as data.
 * - `batches`: offline static batches; the next batch starts when the whole one before has ended.
 * - `closed`: closed loop; `concurrency` requests are in flight until all are done.
 * - `open`: each request has its own send offset in seconds from the start.
 */
export type Schedule =
  | { readonly kind: "batches"; readonly batchSize: number }
  | { readonly kind: "closed"; readonly concurrency: number }
  | { readonly kind: "open"; readonly offsetsSeconds: Float64Array }
