import { describe, expect, test } from "bun:test"
import { Result } from "effect"
import * as UserConfig from "../../src/config/UserConfig.ts"
import { documentOf, told } from "./reading.ts"

const decode = (text: string) => UserConfig.decode(documentOf(text, "config.yaml"))
const value = (text: string) => Result.getOrThrow(decode(text))

test("everything that llem takes from its own file", () => {
  const text = [
    "results_dir: /data/results",
    "runners: {vllm: 'docker:vllm/vllm-openai:v0.9', pytorch: auto}",
    "images: {sglang: lmsysorg/sglang:latest}",
    "measurement: {energy_backend: rapl, carbon_intensity_gco2_kwh: 350, datacenter_pue: 1.2}",
    "execution: {n_cycles: 5, experiment_gap_seconds: 0, cycle_gap_seconds: 1.5}",
    "engines:",
    "  vllm: {command: [/opt/my venv/bin/vllm, serve]}",
    "  llamacpp: {command: llama-server --no-webui}",
    "ui: {anything: [goes, here]}",
  ].join("\n")
  expect(value(text)).toEqual({
    resultsDirectory: "/data/results",
    modelCacheDirectory: null,
    runners: { vllm: "docker:vllm/vllm-openai:v0.9", pytorch: "auto" },
    images: { sglang: "lmsysorg/sglang:latest" },
    engineCommands: { vllm: ["/opt/my venv/bin/vllm", "serve"], llamacpp: ["llama-server", "--no-webui"] },
    energyBackend: "rapl",
    carbonIntensity: 350,
    pue: 1.2,
    cycles: 5,
    experimentGapSeconds: 0,
    cycleGapSeconds: 1.5,
  })
})

test("the Python tool's file, with its nulls and its names without units", () => {
  const text = [
    "output:",
    "  results_dir: ./results",
    "  model_cache_dir: null",
    "runners:",
    "  pytorch: local",
    "  vllm: docker",
    "measurement:",
    "  energy_backend: zeus",
    "  carbon_intensity_gco2_kwh:",
    "ui:",
    "execution: {experiment_gap: 60, cycle_gap: 300}",
  ].join("\n")
  expect(value(text)).toEqual({
    ...UserConfig.empty,
    resultsDirectory: "./results",
    runners: { pytorch: "local", vllm: "docker" },
    energyBackend: "zeus",
    experimentGapSeconds: 60,
    cycleGapSeconds: 300,
  })
})

describe("what is wrong", () => {
  test("misspelt names, wrong values and runners that are none, all at their places", () => {
    const text = [
      "runers: {vllm: docker}",
      "measurement:",
      "  datacenter_pue: 0.9",
      "  energy_backend: zeuss",
      "execution: {experiment_gap: -1}",
      "engines:",
      "  vlm: {command: x}",
      "  vllm: {command: []}",
    ].join("\n")
    expect(told(decode(text))).toEqual([
      "config.yaml:1:1 runers Unknown field 'runers' - did you mean 'runners'?",
      "config.yaml:3:19 measurement.datacenter_pue should be at least 1",
      "config.yaml:4:19 measurement.energy_backend should be auto, nvml, rapl, amd, intel, grace, external, estimate, zeus or codecarbon - did you mean 'zeus'?",
      "config.yaml:5:29 execution.experiment_gap should be at least 0",
      "config.yaml:7:3 engines.vlm Unknown field 'vlm' - did you mean 'vllm'?",
      "config.yaml:8:19 engines.vllm.command should not be empty",
    ])
  })

  test("a runner", () => {
    expect(told(decode("runners: {vllm: 'docker:', pytorch: podman}\n"))).toEqual([
      "config.yaml:1:17 runners.vllm 'docker:' names no image; write docker, or docker:IMAGE",
      "config.yaml:1:37 runners.pytorch 'podman' is no runner",
    ])
  })
})
