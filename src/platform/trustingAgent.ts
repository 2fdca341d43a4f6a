import { Agent } from "node:https"

/** For a server whose certificate is not to be checked, whoever signed it and for whatever name. */
export const trustingAgent = (): Agent => new Agent({ rejectUnauthorized: false })
