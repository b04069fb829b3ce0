#!/usr/bin/env bash
# Everything that must hold before a change lands, here as on the continuous integration.
#
#   ci/check.sh                          all steps
#   ci/check.sh format clippy 2.15.1     these; a release stands for the suite on that nats-server
#   ci/check.sh --list                   also names the parts of `matrix`, which are steps, too
#
# All steps run even if one fails. Reports and logs go to artifacts/. What the machine lacks
# (compiler components, Python's venv and pip, xmllint) is installed where we may. Exit code: 0 all passed,
# 1 some failed, 2 bad usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/packages.sh

# The steps in order: cheap ones that fail often come first.
mapfile -t RELEASES < <(ci/servers.sh --list)
readonly RELEASES STEPS=(
  format clippy docs light test build scenarios coverage matrix selftest cut explore lines junit pages
  changes article browser client
)
readonly PARTS=(embedded program "${RELEASES[@]}")
readonly TARGET=${CARGO_TARGET_DIR:-target}/release
readonly KNOWN=conformance/targets/reference-server.toml
export CARGO_TERM_PROGRESS_WHEN=never

title() {
  case $1 in
    format) echo "Rust is formatted" ;;
    clippy) echo "No lint complains" ;;
    docs) echo "The documentation builds without a warning" ;;
    light) echo "The library alone builds fewer than $CRATES_MAX crates, and passes its tests" ;;
    test) echo "cargo test" ;;
    build) echo "The programs build" ;;
    scenarios) echo "The scenarios are formatted and meant" ;;
    matrix) echo "The suite on the broker, embedded and as a program, and on all releases" ;;
    coverage) echo "Every MUST and SHOULD is shown" ;;
    embedded) echo "The suite on the embedded broker" ;;
    selftest) echo "The suite finds each fault of the catalogue" ;;
    explore) echo "Random stories: the broker, nats-server 2.15.1, and both side by side" ;;
    lines) echo "Every line of the broker is reached by a scenario, or has a reason" ;;
    cut) echo "The suite on the embedded broker, cut between all bytes" ;;
    program) echo "The suite on the broker as a program" ;;
    junit) echo "JUnit reports are as their schema says" ;;
    changes) echo "docs/wire-changes.md is what the releases do" ;;
    pages) echo "Our monitoring pages have the fields of nats-server's" ;;
    article) echo "The article's experiments with nats.py" ;;
    browser) echo "The HTML report in a browser" ;;
    client) echo "nats.js in a browser, on the broker and nats-server 2.15.1" ;;
    *) echo "The suite on nats-server $1" ;;
  esac
}

step_format() { cargo fmt --all --check; }

step_clippy() {
  cargo clippy --workspace --all-targets --features broker-bench/instructions -- -D warnings
}

step_docs() { RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace; }

readonly CRATES_MAX=40

step_light() {
  local crates
  crates=$(cargo tree -p nats-reference-server -e normal --no-default-features --prefix none |
    sed 's/ (\*)$//' | sort -u | wc -l)
  echo "nats-reference-server without optional features: $crates crates, itself included"
  ((crates < CRATES_MAX))
  cargo test -p nats-reference-server --no-default-features --lib
}

step_test() { cargo test --workspace; }

step_build() { cargo build --release --workspace --bins; }

step_scenarios() {
  "$TARGET/nats-conformance" check scenarios
  "$TARGET/nats-conformance" fmt --check scenarios
}

step_coverage() { "$TARGET/nats-conformance" coverage; }

# All targets side by side, with one seed.
step_matrix() {
  local version program
  {
    printf '[[target]]\nname = "embedded"\nembedded = true\n'
    target "nats-reference-server" "$(realpath "$TARGET/nats-reference-server")"
    printf 'file = "%s"\n' "$(realpath "$KNOWN")"
    for version in "${RELEASES[@]}"; do
      program=$(ci/servers.sh "$version")
      target "nats-server $version" "$program"
    done
  } >artifacts/matrix.toml
  suite matrix --matrix artifacts/matrix.toml
}

# A target of the matrix.
target() { printf '\n[[target]]\nname = "%s"\nserver_bin = "%s"\n' "$1" "$2"; }

step_embedded() { suite embedded; }

# One finding for each fault is enough here; without `--first` it says more, and takes longer.
step_selftest() { "$TARGET/nats-conformance" selftest --first --json artifacts/selftest.json; }

# What is sent is the same bytes in other pieces, so the verdicts must be the same.
step_cut() { suite cut --cut every-byte; }

step_explore() { ci/explore.sh; }

step_lines() { ci/coverage.sh; }

step_program() {
  suite program --server-bin "$TARGET/nats-reference-server" --target "$KNOWN"
}

# Reports of one target and of several, with verdicts of every kind.
step_junit() {
  local name program=$TARGET/nats-reference-server judge=$TARGET/nats-conformance
  local valid=(xmllint --noout --schema conformance/schema/junit.xsd)
  "$judge" run core/info core/ping --server-bin "$program" --embedded \
    --junit artifacts/several.xml >artifacts/several.log || (($? == 1))
  "$judge" run --server-bin "$program" --as 2.9 \
    --junit artifacts/one.xml >artifacts/one.log || (($? == 1))
  for name in failure error skipped; do
    grep -q "<$name " artifacts/one.xml || { echo "no <$name> in artifacts/one.xml" >&2; return 1; }
  done
  "${valid[@]}" artifacts/one.xml artifacts/several.xml
  # The check can fail.
  for name in classname time message tests; do
    ! sed "s/ $name=\"[^\"]*\"//" artifacts/one.xml | "${valid[@]}" - 2>/dev/null ||
      { echo "a report without $name is held to be valid" >&2; return 1; }
  done
}

step_release() {
  local program
  program=$(ci/servers.sh "$1")
  suite "$1" --server-bin "$program"
}

step_pages() {
  local program
  program=$(ci/servers.sh "${RELEASES[-1]}")
  NATS_SERVER=$program cargo test --package nats-reference-server --test monitoring fields
}

step_changes() { ci/changes.sh --check; }

step_article() {
  local program
  program=$(ci/servers.sh "${RELEASES[-1]}")
  ci/article.sh "$TARGET/nats-reference-server" "$program"
}

step_browser() { ci/report-browser.sh; }

step_client() {
  local program
  program=$(ci/servers.sh "${RELEASES[-1]}")
  ci/browser-client.sh "$TARGET/nats-reference-server" "$program"
}

# The suite, with its reports below artifacts/.
suite() {
  local name=$1
  shift
  "$TARGET/nats-conformance" run "$@" \
    --json "artifacts/$name.json" --junit "artifacts/$name.xml"
}

main() {
  local step chosen=("$@")
  case ${1-} in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; return ;;
    --list)
      for step in "${STEPS[@]}" "${PARTS[@]}"; do printf '%-11s %s\n' "$step" "$(title "$step")"; done
      return
      ;;
    --one) # one step in a process of its own, where errexit and a time limit work
      if is_release "$2"; then step_release "$2"; else "step_$2"; fi
      return
      ;;
  esac
  ((${#chosen[@]})) || chosen=("${STEPS[@]}")
  for step in "${chosen[@]}"; do
    is_step "$step" || { echo "ci/check.sh: no step '$step'; see --list" >&2; exit 2; }
  done
  mkdir -p artifacts
  provide_tools
  run_all "${chosen[@]}"
}

is_release() { [[ $1 =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]; }

is_step() { is_release "$1" || [[ " ${STEPS[*]} ${PARTS[*]} " == *" $1 "* ]]; }

# What needs the programs, built here when the step `build` isn't among the chosen ones.
needs_build() {
  case $1 in
    scenarios | coverage | matrix | embedded | program | selftest | cut | explore | junit) ;;
    changes | article | browser | client) ;;
    *) is_release "$1" ;;
  esac
}

# Runs the steps, each with a heading, its time and its log; then sums up.
run_all() {
  local step rc began verdict built="" passed=0 failed=0 summary=""
  for step in "$@"; do
    printf '\n=== %s: %s\n' "$step" "$(title "$step")"
    began=$SECONDS
    if needs_build "$step" && [[ -z $built ]]; then
      run_one build && built=yes || built=no
    fi
    if needs_build "$step" && [[ $built == no ]]; then
      verdict="not run: the programs do not build"
    else
      rc=0
      run_one "$step" || rc=$?
      case $rc in
        0) verdict=passed ;;
        124 | 137) verdict="FAILED: out of time" ;;
        *) verdict="FAILED ($rc)" ;;
      esac
      [[ $step != build ]] || built=$([[ $rc == 0 ]] && echo yes || echo no)
    fi
    if [[ $verdict == passed ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    printf '=== %s: %s, %d s\n' "$step" "$verdict" $((SECONDS - began))
    summary+=$(printf '%-11s %4d s  %s' "$step" $((SECONDS - began)) "$verdict")$'\n'
  done
  printf '\n=== Summary, %d s\n%s' "$SECONDS" "$summary"
  if [[ " $* " == *" test "* ]]; then
    grep -h '^test result:' artifacts/test.log || echo "test result: none, cargo test did not get that far"
  fi
  echo "$passed passed, $failed failed"
  ((!failed))
}

# One step in its own process group with a time limit; what it says is kept.
run_one() {
  timeout --kill-after=10 20m "${BASH_SOURCE[0]}" --one "$1" 2>&1 | tee "artifacts/$1.log"
}

# Installs what is missing on a bare machine.
provide_tools() {
  local packages=()
  export PATH=$PATH:$HOME/.cargo/bin
  command -v cargo >/dev/null ||
    { echo "ci/check.sh: no cargo; install Rust from https://rustup.rs" >&2; exit 2; }
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    rustup component add rustfmt clippy
  fi
  command -v cc >/dev/null || packages+=(build-essential)
  python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
  python3 -m pip --version >/dev/null 2>&1 || packages+=(python3-pip)
  command -v xmllint >/dev/null || packages+=(libxml2-utils)
  provide_packages "${packages[@]}"
}

main "$@"
