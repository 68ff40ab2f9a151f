# shellcheck shell=bash
# Running the programs: every suite, cheapest first, each followed by what it left behind.

run_tests() {
  run_lint
  show "Page: unit, page and browser tests" npm --prefix ui run test
  show "Rust: unit and property tests" cargo test --locked --workspace
  print_timings
}

run_bench() {
  ensure_machine tests
}
