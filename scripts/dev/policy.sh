# shellcheck shell=bash
# Rules about the files themselves, which no linter knows.

# Lines a file may have. Generated files and lock files are not written by people and are left out.
MOST_LINES=450
readonly MOST_LINES

run_policy() {
  step "No address of a package registry in any file" check_registry_addresses
  step "No file beyond $MOST_LINES lines" check_sizes
  step "Crates depend one way only" check_arrows
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

# protocol ← engine ← terraform ← provision ← {cli, desktop}; protocol ← {images, cloud, tunnel} ← provision; the generator stands
# alone, and the function knows nothing else.
check_arrows() {
  must_not_need retailflow-protocol 'tokio|tauri|retailflow-.*'
  must_not_need retailflow-engine 'tauri|aws-(config|sdk-.*)|retailflow-(provision|generator|terraform|images|cloud|tunnel|cli|desktop)'
  must_not_need retailflow-terraform 'tauri|aws-(config|sdk-.*)|retailflow-(provision|generator|images|cloud|tunnel|cli|desktop)'
  must_not_need retailflow-images 'tauri|aws-(config|sdk-.*)|retailflow-(engine|provision|generator|terraform|cloud|tunnel|cli|desktop)'
  must_not_need retailflow-cloud 'tauri|retailflow-(engine|provision|generator|terraform|images|tunnel|cli|desktop)'
  must_not_need retailflow-tunnel 'tauri|aws-(config|sdk-.*)|retailflow-(engine|provision|generator|terraform|images|cloud|cli|desktop)'
  must_not_need retailflow-function 'tauri|retailflow-(protocol|engine|provision|terraform|images|cloud|tunnel|cli|desktop)'
  must_not_need retailflow-provision 'tauri|retailflow-(cli|desktop)'
  must_not_need retailflow-cli 'tauri|retailflow-desktop'
  must_not_need retailflow-generator 'tauri|retailflow-.*'
}

# must_not_need package pattern-of-whole-names
must_not_need() {
  local found
  found=$(cargo tree --locked --quiet --package "$1" --edges normal --prefix none |
    awk -v self="$1" '$1 != self { print $1 }' | sort -u | grep -Ex "$2") || return 0
  printf '%s must not depend on: %s\n' "$1" "$found"
  return 1
}
