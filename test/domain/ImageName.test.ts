import { describe, expect, test } from "bun:test"
import { problemOf } from "../../src/domain/ImageName.ts"

const digest = "a".repeat(64)

describe("the name of an image", () => {
  test("with a registry, a port, a tag, a digest, or as an id", () => {
    for (const name of [
      "busybox",
      "llem/embedded",
      "vllm/vllm-openai:v0.18.2",
      "ghcr.io/ggml-org/llama.cpp:server-cuda-b10423",
      "127.0.0.1:5000/team/a_b--c:1",
      "[::1]:5000/a",
      "nvcr.io/nvidia/tensorrt-llm/release:1.2.0rc7",
      `acme/a@sha256:${digest}`,
      `acme/a:1@sha256:${digest}`,
      `sha256:${digest}`,
      "Registry.example.org/a",
    ])
      expect([name, problemOf(name)]).toEqual([name, null])
  })

  test("is refused with what it should be", () => {
    expect(problemOf("Acme/Engine:1")).toBe("an image's name has no capital letters: acme/engine:1")
    for (const name of ["", "a b", "a:", ":1", "a//b", "/a", "a/", "a:b:c", "a@sha256:12", "-a", "https://a/b", "$(x)"])
      expect([name, problemOf(name)]).toEqual([name, "an image is named as in registry.example.org/team/image:tag"])
  })
})
