/** Why a request is not answered as it was asked, with the HTTP status that says so. */
export interface Problem {
  readonly status: 400 | 404 | 405 | 413 | 415 | 429 | 500 | 503
  readonly message: string
  /** The field of the body that is at fault, where it is known. */
  readonly param: string | null
  readonly code: string | null
}

/** A request that is wrong in itself. */
export const invalid = (message: string, param: string | null = null, code: string | null = null): Problem => ({
  status: 400,
  message,
  param,
  code,
})

const typeOf = (status: Problem["status"]): string => {
  if (status === 429) return "rate_limit_error"
  return status >= 500 ? "server_error" : "invalid_request_error"
}

/** A problem in the shape of OpenAI's errors. */
export const errorObject = ({ status, message, param, code }: Problem) => ({
  error: { message, type: typeOf(status), param, code },
})
