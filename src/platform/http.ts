/** A server's answer to a small GET. */
export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** GET over TCP or a unix socket; null when nothing answers within the limit. */
export const get = async (
  where: { readonly url: string; readonly unix?: string },
  timeoutMillis: number,
): Promise<HttpAnswer | null> => {
  try {
    const response = await fetch(where.url, {
      signal: AbortSignal.timeout(timeoutMillis),
      keepalive: false,
      ...(where.unix === undefined ? {} : { unix: where.unix }),
    })
    return { status: response.status, body: await response.text() }
  } catch {
    return null
  }
}
