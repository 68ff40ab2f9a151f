# shellcheck shell=bash
# What depends on chance, for as long as one likes: kills at random moments, faults at random calls.

SOAK_USAGE="usage: ./dev soak [--rounds N] [--seed S] [--target sandbox|aws|terraform|pipeline]"
readonly SOAK_USAGE

# Each round is a stack from nothing to nothing, with a seed of its own: the first seed, the one after it, and so on.
run_soak() {
  local rounds=1 seed='' targets='terraform sandbox aws pipeline' target
  while [ $# -gt 0 ]; do
    case $1,${2:-} in
      --rounds,[1-9]*) rounds=$2 ;;
      --seed,[0-9]*) seed=$2 ;;
      --target,sandbox | --target,aws | --target,terraform | --target,pipeline) targets=$2 ;;
      *) fail "$SOAK_USAGE" ;;
    esac
    shift 2
  done
  ensure_for_tests
  prepare_tests
  export RETAILFLOW_SOAK_ROUNDS=$rounds
  [ -z "$seed" ] || export RETAILFLOW_SOAK_SEED=$seed
  for target in $targets; do
    show "Soak: $target, $rounds round(s)" soak "$target"
  done
  step "Nothing is left running, and nobody's data was touched" check_leftovers
  print_timings
}

# Says what it does and when, as it does it.
soak() {
  local suite=$1 round
  if [ "$suite" = pipeline ]; then
    for ((round = 0; round < RETAILFLOW_SOAK_ROUNDS; round++)); do
      RETAILFLOW_SOAK_SEED=${RETAILFLOW_SOAK_SEED:+$((RETAILFLOW_SOAK_SEED + round))} \
        "$(pipeline_tool python)" -m pytest -m soak --capture no dagster/tests
    done
    return
  fi
  [ "$suite" != sandbox ] || suite=system
  cargo test --locked --workspace --test "$suite" -- --ignored --nocapture --test-threads 1 random_
}
