/** A term of the manual and what it says of it. */
export type Entry = readonly [term: string, text: string]

/** What a script may conclude from llem's exit status. */
export const exitStatus: ReadonlyArray<Entry> = [
  ["0", "Everything that was planned has completed."],
  ["1", "Preflight failed, a cell failed or was skipped, or nothing could run."],
  ["2", "The file or the command line is wrong."],
  ["70", "A defect in llem itself; -v shows where."],
  ["129, 130, 143", "Ended by SIGHUP, SIGINT or SIGTERM; what had finished is on disk."],
]

/** Variables that llem reads, beside those of the engines. */
export const environment: ReadonlyArray<Entry> = [
  ["LLEM_RUNNER_<BACKEND>", "Where a backend runs: local, docker, docker:IMAGE or auto. --runner wins over it."],
  ["LLEM_IMAGE_<BACKEND>", "The image of a backend."],
  ["LLEM_RESULTS_DIR", "Folder for results; -o wins over it."],
  ["LLEM_CACHE_DIR", "Folder for what can be made again: models, hashes, the engine's libraries."],
  ["LLEM_CONFIG", "The user configuration, in place of the one below XDG_CONFIG_HOME."],
  [
    "LLEM_EMBEDDED_DIR",
    "Folders, joined by colons, with builds of the embedded engine for GPUs; the first that is usable is used.",
  ],
  ["LLEM_NVML_LIBRARY", "The library to ask for GPUs in place of libnvidia-ml.so.1; results say so."],
  ["LLEM_EXECUTOR", "mock:FILE follows a script in place of running anything; such results are never valid."],
  ["LLEM_CONTAINER", "Set by llem in the containers that it starts."],
  [
    "DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY",
    "As the docker command has them.",
  ],
  ["XDG_CONFIG_HOME, XDG_CACHE_HOME, XDG_DATA_HOME, XDG_RUNTIME_DIR", "Base directories."],
  ["NO_COLOR", "No colours, when it is set to anything."],
]

/** Where llem keeps what. */
export const files: ReadonlyArray<Entry> = [
  ["~/.config/llem/config.yaml", "User configuration: runners, images, results_dir."],
  ["~/.cache/llem/", "Models that were made, the engine's unpacked libraries, hashes of files; may be removed."],
  ["~/.local/share/llem/", "What a person put there, such as named datasets."],
  [
    "results/<name>_<time>/",
    "A study: plan.json, journal.ndjson, manifest.json, study.json, and in cells/ for each cell result.json, " +
      "requests.parquet, power.parquet and the engine's log.",
  ],
]

/** Command lines to begin with. */
export const examples: ReadonlyArray<Entry> = [
  ["llem init && llem run study.yaml", "Write a first study and run it."],
  ["llem run -m model.gguf -n 100", "Measure one model file."],
  ["llem plan study.yaml --json", "What would run, for a program."],
  ["llem results", "The studies on this machine."],
]
