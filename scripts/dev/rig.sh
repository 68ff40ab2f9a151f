# shellcheck shell=bash
# Terraform and the offline AWS that its roots are applied to in tests: see tests/rig/README.md.

# Write-only arguments, which keep secrets out of the state, came with this version.
TERRAFORM_WANTED=1.11
readonly TERRAFORM_WANTED
# It would ask its maker for news with every command.
export CHECKPOINT_DISABLE=1

# Not installed from here: it comes from no package registry, and which copy is used is the user's to know.
ensure_terraform() {
  have terraform || fail "Terraform is not on the PATH; the AWS target's configuration is checked and applied with it." \
    "Install version $TERRAFORM_WANTED or later: https://developer.hashicorp.com/terraform/install" \
    "On macOS: brew install hashicorp/tap/terraform" "Then run ./dev again."
  at_least "$(version_of terraform version)" "$TERRAFORM_WANTED" ||
    fail "Terraform $(version_of terraform version) is too old; $TERRAFORM_WANTED or later is needed." \
      "Install a later one: https://developer.hashicorp.com/terraform/install" "Then run ./dev again."
}

# The environments are named after what is in them, so each is made once and never changed: rig_python rig|checkov
rig_python() {
  printf '%s/%s-%s' "$CACHE" "$1" "$(cksum <"$(rig_requirements "$1")" | cut -d ' ' -f 1)"
}

# checkov lives apart, because it wants an older client of AWS than the rig does.
rig_requirements() {
  case $1 in
    rig) printf 'tests/rig/requirements.txt' ;;
    checkov) printf 'tests/rig/requirements-checkov.txt' ;;
  esac
}

ensure_rig() {
  ensure_terraform
  ensure_rig_python rig "Install the offline AWS"
  ensure_rig_python checkov "Install checkov"
}

ensure_rig_python() {
  [ -f "$(rig_python "$1")/compiled" ] ||
    step "$2" install_compiled "$(rig_python "$1")" --requirements "$(rig_requirements "$1")"
}

check_terraform() {
  step "Terraform: formatting" terraform fmt -check -recursive -diff terraform
  step "Terraform: policies" "$(rig_python checkov)/bin/checkov" \
    --directory terraform --framework terraform --skip-download --compact --quiet
}

test_rig() {
  local title="Terraform: every root on an offline AWS, from nothing to nothing"
  if [ "$(uname -s)" != Linux ]; then
    without "$title" "the image registry and the provider's stand-in are for Linux"
    return
  fi
  show "$title" run_rig_tests
}

run_rig_tests() {
  cd tests/rig
  # Each worker has an account of its own; a file stays with one, as it shares what it made.
  "$RETAILFLOW_TEST_RIG_PYTHON" -m pytest --numprocesses 2 --dist loadfile
}
