# shellcheck shell=bash
# What can be found without running the programs, cheapest first.

ADVISORIES=https://github.com/RustSec/advisory-db
readonly ADVISORIES

run_lint() {
  ensure_machine tests
  ensure_tools
  ensure_page_packages
  ensure_pipeline_python
  ensure_rig
  check_texts
  check_terraform
  run_policy
  check_dependencies
  step "Page: types, lint, formatting" npm --prefix ui run check
  # The desktop crate embeds the page when it is compiled.
  ensure_page
  lint_while_compiling
  step "Take compiled dependencies from the cache" borrow_dependencies
  show "Rust: clippy, and every test built" build_everything_tested --keep-going
  step "Keep compiled dependencies for other checkouts" lend_dependencies
  show "Page: types generated from Rust are current" check_generated_types
}

check_texts() {
  step "Rust: formatting" cargo fmt --all --check
  step "Shell: shellcheck" "$(python_tool shellcheck "$SHELLCHECK")" --external-sources --check-sourced dev .ci/run
  step "Python: formatting" "$(pipeline_tool ruff)" format --check .
  step "Python: lint" "$(pipeline_tool ruff)" check .
  step "SQL: lint" "$(pipeline_tool sqlfluff)" lint dbt/models dbt/data_tests
}

check_dependencies() {
  step "Crates: licences, sources, bans" deny bans licenses sources
  if curl -sSfI -m 10 -o /dev/null "$ADVISORIES"; then
    step "Crates: known vulnerabilities" deny advisories
  else
    without "Crates: known vulnerabilities" "the advisory database, $ADVISORIES, cannot be reached from here"
  fi
  step "Crates: unused dependencies" "$(cargo_tool cargo-machete "$CARGO_MACHETE")" .
}

deny() {
  "$(cargo_tool cargo-deny "$CARGO_DENY")" --locked check "$@"
}

# Clippy stands in for the compiler: one build lints our crates and serves every test after it, where `cargo clippy`
# would check some hundred dependencies once more. Always the whole workspace: parts of it would build dependencies with
# other features.
lint_while_compiling() {
  RUSTC_WORKSPACE_WRAPPER=$(command -v clippy-driver)
  CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings
  export RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS
}

# Our crates, their programs and their tests.
build_everything_tested() {
  cargo build --locked --workspace --lib --bins --tests --examples "$@"
}

# Generated afresh beside the ones in the repository, so that a type which no longer exists is found too.
check_generated_types() {
  local fresh=$LOCAL/protocol
  rm -rf "$fresh"
  mkdir -p "$fresh"
  TS_RS_EXPORT_DIR=$fresh cargo test --locked --quiet --workspace --lib export_bindings
  diff -r "$fresh" ui/src/protocol ||
    fail "ui/src/protocol is not what the Rust types say." "Run: cargo test -p retailflow-protocol"
}
