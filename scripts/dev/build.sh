# shellcheck shell=bash
# Building the page, the app and the command line.

build_everything() {
  ensure_page
  show "Build the app and the command line (some minutes the first time)" build_programs
}

# The development profile: see docs/decisions.md for what it costs and what it saves.
build_programs() {
  cargo build --locked --workspace
}

# Where a built program lies.
binary() {
  printf '%s' "${CARGO_TARGET_DIR:-target}/debug/$1"
}

# The page, built from what is in ui/ now.
ensure_page() {
  ensure_page_packages
  if [ -f ui/dist/index.html ] && unchanged page ui; then return; fi
  step "Build the page" build_page
  remember page ui
}

build_page() {
  npm --prefix ui run build
}

ensure_page_packages() {
  if [ -d ui/node_modules ] && unchanged packages ui/package.json ui/package-lock.json ui/.npmrc; then return; fi
  step "Install the page's packages" install_page_packages
  remember packages ui/package.json ui/package-lock.json ui/.npmrc
}

install_page_packages() {
  npm --prefix ui ci
}

# A sum over files and the files of folders, less what builds leave there.
sum_of() {
  find "$@" \( -name node_modules -o -name dist -o -name __pycache__ \) -prune -o -type f -print |
    LC_ALL=C sort | tr '\n' '\0' | xargs -0 cksum
}

# Whether the files are as they were when `remember` was called with this name.
unchanged() {
  local name=$1
  shift
  [ -f "$LOCAL/sums/$name" ] && [ "$(sum_of "$@")" = "$(cat "$LOCAL/sums/$name")" ]
}

remember() {
  local name=$1
  shift
  mkdir -p "$LOCAL/sums"
  sum_of "$@" >"$LOCAL/sums/$name"
}
