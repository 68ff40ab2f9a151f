# shellcheck shell=bash
# Running the programs: every suite, cheapest first, and then a look at what they left behind.

PARTS='lint page unit pipeline rig system window'
readonly PARTS

# All parts, or those that are named: run_tests [part…]
run_tests() {
  local part commit
  for part in "$@"; do
    case " $PARTS " in *" $part "*) ;; *) fail "There is no part $part." "There are: $PARTS" ;; esac
  done
  commit=$(commit_at_hand)
  ensure_for_tests
  for part in $PARTS; do
    case " ${*:-$PARTS} " in *" $part "*) "part_$part" ;; esac
  done
  [ -z "${TEST_FOLDER:-}" ] || step "Nothing is left running, and nobody's data was touched" check_leftovers
  print_timings
  [ $# -gt 0 ] || name_what_passed "$commit"
}

part_lint() {
  run_lint
}

part_page() {
  prepare_tests
  show "Page: unit, page and browser tests" npm --prefix ui run test
}

part_unit() {
  prepare_tests
  show "Rust: unit and property tests" nextest --lib --bins
  show "Rust: examples in the documentation" cargo test --locked --workspace --doc
}

part_pipeline() {
  prepare_tests
  show "Pipeline: on a real PostgreSQL and DuckDB, dbt build among them" test_pipeline
}

part_rig() {
  prepare_tests
  test_rig
}

part_system() {
  prepare_tests
  show "Rust: on a real PostgreSQL, and the whole system" nextest --test '*'
}

part_window() {
  prepare_tests
  test_window
}

# What every part needs. All are compiled alike, so that none compiles again what another has compiled.
ensure_for_tests() {
  ensure_room
  ensure_machine tests
  ensure_tools
  ensure_page_packages
  ensure_pipeline_python
  ensure_rig
  ensure_page
  lint_while_compiling
}

# The commit that the files are those of; nothing if they are not, or if this is no checkout.
commit_at_hand() {
  [ -n "$(git status --porcelain 2>&1)" ] || git rev-parse HEAD
}

# Names the commit that everything passed for, and keeps its name in target/dev/passed.
name_what_passed() {
  if [ -n "$1" ] && [ "$(commit_at_hand)" = "$1" ]; then
    printf '%s\n' "$1" >"$LOCAL/passed"
    note "Everything passed for commit $1."
  else
    note "Everything passed, for files that are not those of a commit."
  fi
}

# Tests get a temporary folder of this run's own, so that whatever they leave behind can be seen.
prepare_tests() {
  [ -z "${TEST_FOLDER:-}" ] || return 0
  TEST_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/rf.XXXXXX")
  # Root's tests start PostgreSQL as another user, who needs what /tmp offers to all.
  [ "$(id -u)" -ne 0 ] || chmod 1777 "$TEST_FOLDER"
  # shellcheck disable=SC2064  # the folder as it is called now
  trap "rm -rf '$TEST_FOLDER'" EXIT
  USERS_DATA=$(users_data)
  USERS_SOCKETS=$(sockets_folders)
  RETAILFLOW_TEST_POSTGRES_BIN=$(postgres_programs)
  RETAILFLOW_TEST_RIG_PYTHON=$(rig_python rig)/bin/python
  CHROMIUM=$(browser)
  export TMPDIR=$TEST_FOLDER RETAILFLOW_TEST_POSTGRES_BIN RETAILFLOW_TEST_RIG_PYTHON CHROMIUM
}

# Rust's tests, as .config/nextest.toml says; one more at once than there are cores, as each waits some of the time.
nextest() {
  "$(python_tool cargo-nextest "$NEXTEST")" nextest run --locked --workspace --test-threads "$(($(getconf _NPROCESSORS_ONLN) + 1))" "$@"
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
  step "Window: the app" build_everything_tested
  TAURI_DRIVER=$(cargo_tool tauri-driver "$TAURI_DRIVER_VERSION")
  export TAURI_DRIVER
  show "$title" npm --prefix tests/window test
}

# The stacks that the user of this computer has, if any.
users_data() {
  find "${XDG_DATA_HOME:-$HOME/.local/share}/retailflow" "$HOME/Library/Application Support/retailflow" \
    /var/lib/retailflow -maxdepth 2 2>/dev/null | LC_ALL=C sort || true
}

# The folders of stacks' sockets that do not lie in the temporary folder.
sockets_folders() {
  find /run/retailflow /var/run/retailflow ${XDG_RUNTIME_DIR:+"$XDG_RUNTIME_DIR"} -mindepth 1 -maxdepth 1 -name 'rf-*' \
    2>/dev/null | LC_ALL=C sort -u || true
}

check_leftovers() {
  local processes folders
  processes=$(processes_of "$TEST_FOLDER")
  folders=$(find "$TEST_FOLDER" -maxdepth 1 -name 'rf-*' && sockets_folders | { grep -Fvx -- "$USERS_SOCKETS" || true; })
  [ -z "$processes" ] || { printf 'These processes are left:\n%s\n' "$processes" && return 1; }
  [ -z "$folders" ] || { printf 'These folders are left:\n%s\n' "$folders" && return 1; }
  [ "$(users_data)" = "$USERS_DATA" ] || { printf "The user's own data was touched:\n%s\n" "$(users_data)" && return 1; }
}

# The marked processes that were given a temporary folder.
processes_of() {
  if [ -d /proc/self ]; then
    grep -alZsz '^RETAILFLOW_PROCESS=' /proc/[0-9]*/environ | xargs -0r grep -alszF "TMPDIR=$1" || true
  else
    # shellcheck disable=SC2009  # pgrep shows no environments
    ps -Ewwxo pid,command | grep '[R]ETAILFLOW_PROCESS=' | grep -F "TMPDIR=$1" || true
  fi
}

# Each benchmark is a folder of benchmarks/ with a program `run` that prints its ratios.
run_bench() {
  local program name
  ensure_machine tests
  ensure_pipeline_python
  ensure_rig
  RETAILFLOW_TEST_POSTGRES_BIN=$(postgres_programs)
  RETAILFLOW_TEST_RIG_PYTHON=$(rig_python rig)/bin/python
  export RETAILFLOW_TEST_POSTGRES_BIN RETAILFLOW_TEST_RIG_PYTHON
  if [ $# -gt 0 ] && [ ! -x "benchmarks/$1/run" ]; then
    fail "There is no benchmark named $1." "There are: $(cd benchmarks && printf '%s ' */run | sed 's|/run||g')"
  fi
  for program in benchmarks/${1:-*}/run; do
    name=$(basename "$(dirname "$program")")
    show "Benchmark: $name" "$program"
  done
  print_timings
}
