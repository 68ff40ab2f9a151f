# shellcheck shell=bash
# Rules about the files themselves, which no linter knows.

# Lines a file may have. Generated files and lock files are not written by people and are left out.
MOST_LINES=450
readonly MOST_LINES

run_policy() {
  step "No address of a package registry in any file" check_registry_addresses
  step "No file beyond $MOST_LINES lines" check_sizes
  step "Crates depend one way only" check_arrows
  step "One place tells the targets apart" check_one_match
}

# A lock file or a page that names a registry breaks whoever uses a mirror, and tells where its author works. The
# addresses are asked of the package managers, so that a private mirror's is found as well.
check_registry_addresses() {
  local hosts found
  hosts=$(registry_hosts)
  printf 'Looked for:\n%s\n' "$hosts"
  # Cargo.lock names its registry by a fixed identifier, which is no address.
  found=$(git grep --untracked -nIFw -f <(printf '%s\n' "$hosts") -- ':!Cargo.lock') || [ $? -eq 1 ]
  [ -z "$found" ] || { printf '%s\n' "$found" && return 1; }
  found=$(git grep --untracked -n '"resolved"' -- '*package-lock.json') || [ $? -eq 1 ]
  [ -z "$found" ] || { printf 'package-lock.json records addresses: npm must be run from ui/, whose .npmrc forbids it\n' && return 1; }
}

registry_hosts() {
  {
    npm config get registry
    uv pip compile - --quiet --no-header --emit-index-url </dev/null
    cat "${CARGO_HOME:-$HOME/.cargo}"/registry/index/*/config.json
    ! have apt-get || apt-get indextargets --format "\$(SITE)"
  } | grep -o 'https*://[^/" ]*' | sed -e 's|^.*//||' -e 's|.*@||' -e 's|:[0-9]*$||' | sort -u
}

check_sizes() {
  git ls-files -z --cached --others --exclude-standard -- '*.rs' '*.ts' '*.js' '*.svelte' '*.css' '*.py' '*.sql' '*.sh' '*.md' '*.toml' '*.yml' dev \
    ':!ui/src/protocol' |
    xargs -0 wc -l |
    awk -v most="$MOST_LINES" '$2 != "total" && $1 > most { print $2 " has " $1 " lines"; bad = 1 } END { exit bad }'
}

# Our own crates by a table, and of others': windows in the shell alone, AWS's kits behind `cloud`, so that work on the agent, the
# sandbox or the page never compiles them.
check_arrows() {
  local crate
  cargo metadata --locked --no-deps --format-version 1 | python3 scripts/dev/arrows.py
  must_not_need retailflow-protocol 'tokio|tauri'
  must_not_need retailflow-cli 'tauri'
  for crate in agent sandbox terraform images tunnel generator; do
    must_not_need "retailflow-$crate" 'tauri|aws-(config|sdk-.*)'
  done
}

# One function knows which target is which; the settings themselves are the words for it.
check_one_match() {
  local found
  found=$(git grep --untracked -nE 'TargetConfig::[A-Z][a-z]*(\([^)]*\))? *=[> ]' -- 'crates/*/src/*.rs' 'src-tauri/src/*.rs' \
    ':!crates/protocol' ':!crates/provision/src/targets.rs') || [ $? -eq 1 ]
  [ -z "$found" ] || { printf 'This belongs to crates/provision/src/targets.rs or behind the trait Target:\n%s\n' "$found" && return 1; }
}

# must_not_need package pattern-of-whole-names
must_not_need() {
  local found
  found=$(cargo tree --locked --quiet --package "$1" --edges normal --prefix none |
    awk -v self="$1" '$1 != self { print $1 }' | sort -u | grep -Ex "$2") || return 0
  printf '%s must not depend on: %s\n' "$1" "$found"
  return 1
}
