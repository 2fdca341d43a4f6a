"""Recomputes every figure of one cell's result.json from the files beside it, with nothing of llem.

usage: recompute.py CELL_FOLDER...   prints one line per figure that differs; exit code 1 when any does
"""

import hashlib
import json
import math
import sys
from pathlib import Path

import pyarrow.parquet as pq

RELATIVE = 1e-9


def quantile(ordered, p):
    """Linear between closest ranks (Hyndman and Fan's type 7)."""
    position = (len(ordered) - 1) * p
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def distribution(values):
    if not values:
        return None
    ordered = sorted(values)
    n = len(ordered)
    mean = math.fsum(ordered) / n
    std = math.sqrt(math.fsum((v - mean) ** 2 for v in ordered) / (n - 1)) if n > 1 else None
    figures = {"mean": mean, "std": std, "min": ordered[0], "max": ordered[-1], "count": n}
    for name, p in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        figures[name] = quantile(ordered, p)
    return figures


class Series:
    """The samples of one domain."""

    def __init__(self, rows):
        self.kind = rows[0]["kind"]
        self.times = [row["seconds"] for row in rows]
        self.values = [row["value"] for row in rows]

    def energy(self, start, end):
        return self.counter(end) - self.counter(start) if self.kind == "counter" else self.integral(start, end)

    def counter(self, at):
        return self.between_ticks(at) if self.ticks_slowly(at) else self.between_samples(at)

    def ticks_slowly(self, _at):
        return self.staircase

    def judge(self, start, end):
        """A counter of which at least a third of the reads around the window show no step ticks more slowly than it is read."""
        first = max(self.enclosing(start) - 20, 0)
        reached = max(i for i, t in enumerate(self.times) if t <= end)
        last = reached if self.times[reached] == end else reached + 1
        last = min(max(last, self.enclosing(start) + 1), len(self.times) - 1)
        last = min(last + 20, len(self.times) - 1)
        still = sum(1 for i in range(first + 1, last + 1) if self.values[i] == self.values[i - 1])
        self.staircase = still / (last - first) >= 1 / 3

    def enclosing(self, at):
        index = -1
        for i, t in enumerate(self.times):
            if t <= at:
                index = i
        return min(max(index, 0), len(self.times) - 2)

    def between_samples(self, at):
        i = self.enclosing(at)
        share = (at - self.times[i]) / (self.times[i + 1] - self.times[i])
        return self.values[i] + share * (self.values[i + 1] - self.values[i])

    def between_ticks(self, at):
        """A tick lies midway between the two reads that saw the value change."""
        ticks = [
            ((self.times[i - 1] + self.times[i]) / 2, self.values[i])
            for i in range(1, len(self.times))
            if self.values[i] != self.values[i - 1]
        ]
        before = [tick for tick in ticks if tick[0] <= at]
        after = [tick for tick in ticks if tick[0] > at]
        t0, v0 = before[-1] if before else (self.times[0], self.values[0])
        if not after:
            return v0
        t1, v1 = after[0]
        return v0 + min(max((at - t0) / (t1 - t0), 0), 1) * (v1 - v0) if t1 > t0 else v0

    def watts(self, at):
        i = self.enclosing(at)
        share = min(max((at - self.times[i]) / (self.times[i + 1] - self.times[i]), 0), 1)
        return self.values[i] + share * (self.values[i + 1] - self.values[i])

    def integral(self, start, end):
        points = [start] + [t for t in self.times if start < t < end] + [end]
        watts = [self.watts(t) for t in points]
        return math.fsum(
            (watts[i] + watts[i + 1]) / 2 * (points[i + 1] - points[i]) for i in range(len(points) - 1)
        )


class Check:
    """Collects what does not follow from the files."""

    def __init__(self):
        self.wrong = []
        self.count = 0

    def same(self, path, stated, computed):
        self.count += 1
        if stated is None or computed is None:
            if stated is not computed:
                self.wrong.append(f"{path}: stated {stated}, computed {computed}")
        elif isinstance(computed, str):
            if stated != computed:
                self.wrong.append(f"{path}: stated {stated}, computed {computed}")
        elif abs(stated - computed) > RELATIVE * max(abs(stated), abs(computed), 1e-9):
            self.wrong.append(f"{path}: stated {stated!r}, computed {computed!r}")

    def within(self, path, stated, computed, tolerance):
        self.count += 1
        if stated is None or abs(stated - computed) > tolerance:
            self.wrong.append(f"{path}: stated {stated!r}, computed {computed!r}")

    def known(self, path, result):
        """A null figure must have its reason."""
        self.count += 1
        keys = result["unavailable"]
        if not any(path == key or path.startswith(key + ".") for key in keys):
            self.wrong.append(f"{path} is null without a reason")


def ratio(a, b):
    return None if a is None or not b else a / b


def itl(request):
    """Gaps before the tokens after the first chunk; chunks of one read are one, a gap before k tokens is k gaps."""
    reads = {}
    for at, tokens in zip(request["chunk_seconds"], request["chunk_tokens"]):
        reads[at] = reads.get(at, 0) + tokens
    times = sorted(reads)
    gaps = []
    for before, at in zip(times, times[1:]):
        gaps += [(at - before) / reads[at]] * reads[at]
    return gaps


# The field of each engine's section that says how many requests it works on at once.
BATCH_SIZE = {"embedded": "batch_size", "llamacpp": "parallel"}


def steady_span(requests, capacity):
    """From the first to the last moment at which `capacity` requests (or all, if fewer) are in flight."""
    full = min(capacity, len(requests))
    changes = []
    for r in requests:
        end = r["last_token_seconds"] if r["error_kind"] is None else r["end_seconds"]
        if r["sent_seconds"] is not None and end is not None:
            changes += [(r["sent_seconds"], 1), (end, -1)]
    in_flight, first, last = 0, None, None
    for at, change in sorted(changes):
        if in_flight == full and change == -1:
            last = at
        in_flight += change
        if in_flight == full and first is None:
            first = at
    return None if first is None or last is None or last <= first else (first, last)


def check_steady(result, requests, done, series, check):
    config = result["experiment"]["config"]
    if config["load"]["mode"] not in ("offline", "concurrency"):
        return
    section = config.get(config["backend"], {})
    capacity = config["load"].get("concurrency") or section.get(BATCH_SIZE[config["backend"]], 1)
    span = steady_span(requests, capacity)
    stated = result["window"]["steady"]
    if span is None:
        check.same("window.steady", stated, None)
        check.known("window.steady", result)
        return
    start, end = span
    window = result["clock"]["window_start_monotonic_seconds"]
    check.same("window.steady.start_offset_seconds", stated["start_offset_seconds"], start - window)
    check.same("window.steady.duration_seconds", stated["duration_seconds"], end - start)
    outputs = sum(
        tokens
        for r in done
        for at, tokens in zip(r["chunk_seconds"], r["chunk_tokens"])
        if start < at <= end
    )
    joules = []
    for name in result["energy"]["total_scope"]:
        samples = Series(series[name])
        if samples.kind == "counter":
            samples.judge(start, end)
        joules.append(samples.energy(start, end))
    total = math.fsum(joules) if joules else None
    check.same(
        "efficiency_steady.joules_per_output_token",
        result["efficiency_steady"]["joules_per_output_token"],
        ratio(total, outputs),
    )


def check_cell(folder, check):
    result = json.loads((folder / "result.json").read_text())
    requests = pq.read_table(folder / "requests.parquet").to_pylist()
    power = pq.read_table(folder / "power.parquet").to_pylist()
    done = [r for r in requests if r["error_kind"] is None]
    start = min(r["sent_seconds"] for r in requests if r["sent_seconds"] is not None)
    end = max(r["last_token_seconds"] for r in requests if r["last_token_seconds"] is not None)
    seconds = end - start
    check.same("clock.window_start", result["clock"]["window_start_monotonic_seconds"], start)
    check.same("window.duration_seconds", result["window"]["duration_seconds"], seconds)

    inputs = sum(r["input_tokens"] for r in done)
    outputs = sum(r["output_tokens"] for r in done)
    stated = result["throughput"]
    check.same("throughput.requests", stated["requests"], len(done))
    check.same("throughput.failed_requests", stated["failed_requests"], len(requests) - len(done))
    check.same("throughput.input_tokens", stated["input_tokens"], inputs)
    check.same("throughput.output_tokens", stated["output_tokens"], outputs)
    check.same("throughput.output_tokens_per_second", stated["output_tokens_per_second"], outputs / seconds)
    check.same("throughput.requests_per_second", stated["requests_per_second"], len(done) / seconds)

    latencies = {
        "ttft_seconds": [r["first_token_seconds"] - r["sent_seconds"] for r in done if r["first_token_seconds"]],
        "e2e_seconds": [r["last_token_seconds"] - r["sent_seconds"] for r in done if r["last_token_seconds"]],
        "tpot_seconds": [
            (r["last_token_seconds"] - r["first_token_seconds"]) / (r["output_tokens"] - 1)
            for r in done
            if r["output_tokens"] >= 2 and r["first_token_seconds"]
        ],
        "itl_seconds": [gap for r in done for gap in itl(r)],
    }
    for name, values in latencies.items():
        computed = distribution(values)
        if computed is None:
            check.same(f"latency.{name}", result["latency"][name], None)
            check.known(f"latency.{name}", result)
            continue
        for key, value in computed.items():
            check.same(f"latency.{name}.{key}", result["latency"][name][key], value)

    series = {}
    for row in power:
        series.setdefault(row["domain"], []).append(row)
    joules = {}
    for domain in result["energy"]["domains"]:
        name = domain["domain"]
        if domain["joules"] is None:
            if not domain["why"]:
                check.wrong.append(f"energy.{name} is null without a reason")
            continue
        samples = Series(series[name])
        if samples.kind == "counter":
            samples.judge(start, end)
        joules[name] = samples.energy(start, end)
        check.same(f"energy.{name}.joules", domain["joules"], joules[name])
        if domain["baseline_watts"] is not None:
            adjusted = joules[name] - domain["baseline_watts"] * seconds
            check.within(f"energy.{name}.adjusted_joules", domain["adjusted_joules"], adjusted, 1e-6 * abs(joules[name]))
    total = math.fsum(joules[name] for name in result["energy"]["total_scope"]) if result["energy"]["total_scope"] else None
    check.same("energy.total_joules", result["energy"]["total_joules"], total)
    if total is None and result["energy"]["domains"]:
        check.same("energy.quality", result["energy"]["quality"], "unavailable")

    config = result["experiment"]["config"]
    stated = result["efficiency"]
    check.same("efficiency.joules_per_output_token", stated["joules_per_output_token"], ratio(total, outputs))
    check.same("efficiency.joules_per_token", stated["joules_per_token"], ratio(total, inputs + outputs))
    check.same("efficiency.joules_per_request", stated["joules_per_request"], ratio(total, len(done)))
    check.same("efficiency.output_tokens_per_joule", stated["output_tokens_per_joule"], ratio(outputs, total))
    grams_per_kwh = config["energy"].get("carbon_intensity_gco2_kwh")
    pue = config["energy"].get("datacenter_pue", 1.0)
    grams = None if total is None or grams_per_kwh is None else total / 3.6e6 * grams_per_kwh * pue
    check.same("efficiency.co2e_grams", stated["co2e_grams"], grams)
    for name, value in stated.items():
        if value is None:
            check.known(f"efficiency.{name}", result)

    weights = result["engine"]["model"]["non_embedding_parameters"]
    flops = 2 * weights * (inputs + outputs)
    check.same("flops.total", result["flops"]["total"], flops)
    check.same("flops.per_output_token", result["flops"]["per_output_token"], flops / outputs)
    check.same("flops.flops_per_second", result["flops"]["flops_per_second"], flops / seconds)

    check_steady(result, requests, done, series, check)

    ordered = sorted(done, key=lambda r: r["id"])
    if all(r["token_ids"] is not None for r in ordered):
        lines = [",".join(str(t) for t in r["token_ids"]) for r in ordered]
    else:
        lines = [f"{len(r['text'].encode())}:{r['text']}" for r in ordered]
    text = "".join(line + "\n" for line in lines)
    check.same("output.sha256", result["output"]["sha256"], hashlib.sha256(text.encode()).hexdigest())


def main(folders):
    failed = False
    for folder in map(Path, folders):
        check = Check()
        check_cell(folder, check)
        for line in check.wrong:
            print(f"{folder.name}: {line}")
        failed = failed or bool(check.wrong)
        print(f"{folder.name}: {check.count} figures checked, {len(check.wrong)} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
