# shellcheck shell=bash
# Running the programs: every suite, cheapest first, and then a look at what they left behind.

run_tests() {
  run_lint
  prepare_tests
  show "Page: unit, page and browser tests" npm --prefix ui run test
  show "Rust: build every test" cargo test --locked --workspace --no-run
  show "Rust: unit and property tests" cargo test --locked --workspace --lib --bins
  show "Rust: examples in the documentation" cargo test --locked --workspace --doc
  show "Pipeline: on a real PostgreSQL and DuckDB, dbt build among them" test_pipeline
  test_rig
  show "Rust: on a real PostgreSQL, and the whole system" cargo test --locked --workspace --test '*' -- --skip crash::
  show "Whole system: kills at random moments" cargo test --locked --workspace --test system crash::
  test_window
  step "Nothing is left running, and nobody's data was touched" check_leftovers
  print_timings
}

# Tests get a temporary folder of this run's own, so that whatever they leave behind can be seen.
prepare_tests() {
  TEST_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/rf.XXXXXX")
  # Root's tests start PostgreSQL as another user, who needs what /tmp offers to all.
  [ "$(id -u)" -ne 0 ] || chmod 1777 "$TEST_FOLDER"
  # shellcheck disable=SC2064  # the folder as it is called now
  trap "rm -rf '$TEST_FOLDER'" EXIT
  USERS_DATA=$(users_data)
  RETAILFLOW_TEST_POSTGRES_BIN=$(postgres_programs)
  RETAILFLOW_TEST_RIG_PYTHON=$(rig_python rig)/bin/python
  CHROMIUM=$(browser)
  export TMPDIR=$TEST_FOLDER RETAILFLOW_TEST_POSTGRES_BIN RETAILFLOW_TEST_RIG_PYTHON CHROMIUM
}

test_pipeline() {
  "$(pipeline_tool python)" -m pytest --numprocesses 2 --dist loadfile dagster/tests
}

# The app as `./dev run` builds it, in WebKit, on a screen of the test's own, with a real sandbox behind it.
test_window() {
  local title="The real window, from Welcome to teardown"
  if [ "$(uname -s)" != Linux ]; then
    without "$title" "there is no WebDriver for the WebKit of this system"
    return
  fi
  step "Window: install the test's packages" npm --prefix tests/window ci
  show "Window: build the app" cargo build --locked --workspace
  TAURI_DRIVER=$(cargo_tool tauri-driver "$TAURI_DRIVER_VERSION")
  export TAURI_DRIVER
  show "$title" npm --prefix tests/window test
}

# The stacks that the user of this computer has, if any.
users_data() {
  find "${XDG_DATA_HOME:-$HOME/.local/share}/retailflow" "$HOME/Library/Application Support/retailflow" \
    /var/lib/retailflow -maxdepth 2 2>/dev/null | LC_ALL=C sort || true
}

check_leftovers() {
  local processes folders
  processes=$(processes_under "$TEST_FOLDER")
  folders=$(find "$TEST_FOLDER" -maxdepth 1 -name 'rf-*')
  [ -z "$processes" ] || { printf 'These processes are left:\n%s\n' "$processes" && return 1; }
  [ -z "$folders" ] || { printf 'These folders are left:\n%s\n' "$folders" && return 1; }
  [ "$(users_data)" = "$USERS_DATA" ] || { printf "The user's own data was touched:\n%s\n" "$(users_data)" && return 1; }
}

# The processes whose mark names a stack below a folder.
processes_under() {
  if [ -d /proc/self ]; then
    grep -alzs "^RETAILFLOW_PROCESS=$1/" /proc/[0-9]*/environ || true
  else
    ps -Ewwxo pid,command | grep "[R]ETAILFLOW_PROCESS=$1/" || true
  fi
}

# Each benchmark is a folder of benchmarks/ with a program `run` that prints its ratios.
run_bench() {
  local program name
  ensure_machine tests
  ensure_pipeline_python
  RETAILFLOW_TEST_POSTGRES_BIN=$(postgres_programs)
  export RETAILFLOW_TEST_POSTGRES_BIN
  if [ $# -gt 0 ] && [ ! -x "benchmarks/$1/run" ]; then
    fail "There is no benchmark named $1." "There are: $(cd benchmarks && printf '%s ' */run | sed 's|/run||g')"
  fi
  for program in benchmarks/${1:-*}/run; do
    name=$(basename "$(dirname "$program")")
    show "Benchmark: $name" "$program"
  done
  print_timings
}
