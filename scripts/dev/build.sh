# shellcheck shell=bash
# Building the page, the app, the command line, and the shop as a function for AWS Lambda.

# What Lambda's runtime provided.al2023 runs: this kind of program, with a glibc up to this version.
LAMBDA_TARGET=x86_64-unknown-linux-gnu
LAMBDA_GLIBC=2.34
readonly LAMBDA_TARGET LAMBDA_GLIBC

build_everything() {
  ensure_page
  show "Build the app and the command line (some minutes the first time)" build_programs
}

# The development profile: see docs/decisions.md for what it costs and what it saves.
build_programs() {
  cargo build --locked --workspace
}

# What our crates are built on is compiled once for all checkouts of this computer. A checkout that has compiled nothing yet
# begins with it; cargo compiles anew whatever of it does not fit. Ours are left out: cargo tells those of two checkouts apart by
# their times alone.
borrow_dependencies() {
  local into=${CARGO_TARGET_DIR:-target}/debug
  [ ! -d "$into/.fingerprint" ] && [ -d "$CACHE/compiled/debug" ] || return 0
  mkdir -p "$into/deps"
  # Another checkout may be putting others in their place right now: then there is nothing to begin with.
  { link_compiled "$CACHE/compiled/debug" "$into" 2>/dev/null || cp -a "$CACHE/compiled/debug/." "$into"; } ||
    rm -rf "$into/deps" "$into/build" "$into/.fingerprint"
}

# The compiler puts a new file in an old one's place, so what it made takes its 8 GB once, however many checkouts have it.
# Cargo writes its own notes over old ones: each checkout has its own. Fails where one of them is on another disk.
link_compiled() {
  find "$1/deps" ! -name '*.d' -type f -exec sh -c 'ln -f "$@" "$0"' "$2/deps" {} + || return 1
  find "$1/deps" -name '*.d' -exec sh -c 'cp -p "$@" "$0"' "$2/deps" {} +
  cp -a "$1/build" "$1/.fingerprint" "$2"
}

# Keeps them for others, if what is kept was made for other versions.
lend_dependencies() {
  local from=${CARGO_TARGET_DIR:-target}/debug kept=$CACHE/compiled draft=$CACHE/compiled.$$
  ! compiled_are_kept || return 0
  # What was cut off before it was whole, hours ago.
  find "$CACHE" -maxdepth 1 -name 'compiled.*' -mmin +240 -exec rm -rf {} +
  mkdir -p "$draft/debug"
  dependencies_of "$from" | tar -C "$from" -cf - --null -T - | tar -C "$draft/debug" -xf -
  compiled_key >"$draft/key"
  rm -rf "$kept"
  mv "$draft" "$kept"
}

# Whether what is kept was made for the versions at hand.
compiled_are_kept() {
  have rustc && [ "$(compiled_key)" = "$(cat "$CACHE/compiled/key" 2>/dev/null)" ]
}

compiled_key() {
  rustc --version --verbose | cat - Cargo.lock Cargo.toml | cksum
}

# The files of compiled crates that are not ours, each ended by a zero.
dependencies_of() {
  (
    cd "$1"
    find deps -type f \( -name 'lib*.rlib' -o -name 'lib*.rmeta' -o -name '*.so' -o -name '*.dylib' -o -name '*.d' \) \
      ! -name '*retailflow*' -print0
    find build .fingerprint -mindepth 1 -maxdepth 1 ! -name 'retailflow*' -print0
  )
}

# Where a built program lies.
binary() {
  printf '%s' "${CARGO_TARGET_DIR:-target}/debug/$1"
}

# Builds the shop for AWS Lambda and puts it where the app looks for it. What `cargo build` makes of the same crate is for
# this computer: Lambda could not start it.
ensure_function() {
  local title="The shop needs no glibc beyond $LAMBDA_GLIBC"
  ensure_python_tool cargo-zigbuild "$ZIGBUILD"
  [ -d "$(rustc --print target-libdir --target "$LAMBDA_TARGET")" ] ||
    step "Install Rust's library for $LAMBDA_TARGET" rustup target add "$LAMBDA_TARGET"
  show "Build the shop for AWS Lambda (some minutes the first time)" build_function
  if have readelf; then
    step "$title" check_glibc "$LOCAL/lambda/$LAMBDA_TARGET/lambda/retailflow-function"
  else
    without "$title" "there is no readelf on this computer"
  fi
  mkdir -p "$(binary lambda)"
  cp "$LOCAL/lambda/$LAMBDA_TARGET/lambda/retailflow-function" "$(binary lambda/bootstrap)"
  note "It is $(binary lambda/bootstrap)."
}

# In a folder of its own, so that it neither waits for other builds nor has them compile anything again. No path of this
# computer gets into the program: the same sources give the same program wherever they lie.
build_function() {
  local home=${CARGO_HOME:-$HOME/.cargo}
  CARGO_ZIGBUILD_ZIG_PATH=$(python_tool python-zig "$ZIGBUILD") \
    RUSTFLAGS="--remap-path-prefix=$home/registry/src=crates --remap-path-prefix=$ROOT=retailflow" \
    env -u RUSTC_WORKSPACE_WRAPPER "$(python_tool cargo-zigbuild "$ZIGBUILD")" zigbuild --locked \
    --package retailflow-function --profile lambda --target "$LAMBDA_TARGET.$LAMBDA_GLIBC" --target-dir "$LOCAL/lambda"
}

# Fails if a program names a version of glibc's interface that Lambda's runtime does not have: check_glibc program
check_glibc() {
  local newest
  newest=$(readelf --version-info "$1" | grep -o 'GLIBC_[0-9A-Z_.]*' | sort -V | tail -n 1)
  printf 'The newest version it needs: %s\n' "$newest"
  at_least "$LAMBDA_GLIBC" "${newest#GLIBC_}"
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
