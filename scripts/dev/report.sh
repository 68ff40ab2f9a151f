# shellcheck shell=bash
# Saying what is done and how long it takes.
#
# A command runs in a subshell with `set -e` in force. Bash ignores `set -e` inside `if`, `&&` and `||`, so neither
# `step` nor `show` may be called there.

# One line "seconds<TAB>title" for each step, "-" for one that could not run.
TIMINGS=()
TAB=$(printf '\t')

if [ -t 1 ]; then
  BOLD=$(printf '\033[1m') DIM=$(printf '\033[2m') RED=$(printf '\033[31m') PLAIN=$(printf '\033[0m')
else
  BOLD='' DIM='' RED='' PLAIN=''
fi

note() {
  printf '%s\n' "$*"
}

# Says what is wrong and, on further lines, what to do about it; ends the program.
fail() {
  printf '%sError: %s%s\n' "$RED" "$1" "$PLAIN" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# Runs a command whose output matters only if it fails: step "title" command…
step() {
  local title=$1 begun=$SECONDS log status
  shift
  mkdir -p "$LOCAL/logs"
  log=$LOCAL/logs/$(printf '%s' "$title" | tr -c 'A-Za-z0-9' '-').log
  printf '%s… ' "$title"
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if [ $status -ne 0 ]; then
    printf '%sfailed%s\n' "$RED" "$PLAIN"
    cat "$log" >&2
    give_up "$title" "$begun"
  fi
  record "$title" "$begun" ""
}

# Runs a command whose output is worth following: show "title" command…
show() {
  local title=$1 begun=$SECONDS status
  shift
  printf '\n%s%s%s\n' "$BOLD" "$title" "$PLAIN"
  set +e
  (
    set -e
    "$@"
  ) </dev/null
  status=$?
  set -e
  [ $status -eq 0 ] || give_up "$title" "$begun"
  record "$title" "$begun" "$title: "
}

# Says that something cannot be done on this computer, and why: without "title" reason
without() {
  TIMINGS+=("-$TAB$1: not run, $2")
  printf '%s… not run: %s\n' "$1" "$2"
}

record() {
  local title=$1 took=$((SECONDS - $2)) before=$3
  TIMINGS+=("$took$TAB$title")
  printf '%sdone %s(%d s)%s\n' "$before" "$DIM" "$took" "$PLAIN"
}

give_up() {
  TIMINGS+=("$((SECONDS - $2))$TAB$1: FAILED")
  print_timings >&2
  fail "$1 failed; its output is above." "Nothing after it was run."
}

# The table of what ran and how long it took.
print_timings() {
  local line
  [ ${#TIMINGS[@]} -gt 0 ] || return 0
  printf '\n%8s  %s\n' "seconds" "step"
  for line in "${TIMINGS[@]}"; do
    printf '%8s  %s\n' "${line%%"$TAB"*}" "${line#*"$TAB"}"
  done
  printf '%8d  %s\n\n' "$SECONDS" "in all"
}
