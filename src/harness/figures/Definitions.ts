/** What each figure of a result means, stamped into it: tools disagree, so every result names what it uses. */
export const definitions: Readonly<Record<string, string>> = {
  window: "first request sent .. last token received, on CLOCK_MONOTONIC; energy, tokens and rates share it",
  requests:
    "requests that ended without an error and with the server's token counts; only these count, failed_requests counts all others",
  tokens: "as the server's usage reports them (prompt_tokens, completion_tokens), never a count of chunks",
  ttft_seconds:
    "request sent (stamped right before the write to the socket) .. read of the first chunk that carries a token, with or without text",
  tpot_seconds: "(last token - first token) / (output tokens - 1), of requests with at least two output tokens",
  itl_seconds:
    "gap before each token after the first chunk, over all requests together; chunks of one read are one chunk, and a gap before k tokens counts k times as a k-th of it",
  e2e_seconds: "request sent .. read of the last chunk that carries a token",
  quantiles: "linear between closest ranks (Hyndman and Fan type 7, NumPy's default)",
  std: "sample standard deviation (n - 1); null for one value",
  output_tokens_per_second: "output_tokens / window.duration_seconds",
  requests_per_second: "requests / window.duration_seconds",
  goodput_requests_per_second:
    "requests that meet every limit of load.slo (ttft, tpot, e2e) / window.duration_seconds; a request of fewer than two tokens meets any tpot",
  steady:
    "first moment at which batch size or concurrency (or all requests, if fewer) are in flight .. last moment at which they are; in flight = sent .. last token, or end if it failed",
  efficiency: "totals over the window: energy.total_joules over tokens or requests",
  efficiency_steady:
    "totals over the steady part: output tokens by the read times of their chunks (start excluded, end included), input tokens of requests whose first token, requests whose last token lies in it",
  joules_per_token: "joules / (input tokens + output tokens)",
  co2e_grams: "joules / 3.6e6 x energy.carbon_intensity_gco2_kwh x energy.datacenter_pue (1 when it is not set)",
  energy_cost_per_million_output_tokens: "joules / 3.6e6 x cost.per_kwh / (output tokens / 1e6); PUE is not applied",
  machine_cost_per_million_output_tokens: "cost.per_gpu_hour x GPUs x window hours / (output tokens / 1e6)",
  flops:
    "total = 2 x non-embedding parameters x (input + output tokens); per_output_token = total / output tokens; flops_per_second = total / window.duration_seconds",
  output_sample: "text of the first request that succeeded, at most 2000 UTF-16 code units",
  output_sha256:
    "sha256 of UTF-8 text: for each request that succeeded, by ascending id, a line: if all of them have token ids, the ids in decimal joined with ','; else the text's length in UTF-8 bytes, ':', the text; then a newline",
}
