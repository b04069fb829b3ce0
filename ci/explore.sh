#!/usr/bin/env bash
# Looks for what nobody thought of, in a fixed slice or for long: random stories against the model,
# on our broker and on nats-server 2.15.1, and the same stories and bytes to both of them.
#
#   ci/explore.sh              a fixed number of stories of a fixed seed: about half a minute
#   ci/explore.sh 60           an hour in all, of a seed by chance
#   SEED=7 ci/explore.sh 60    an hour of this seed
#
# Says how much was told, also in artifacts/quality/explore.json; a story that does not hold is kept
# below artifacts/explored/. Exit code: 0 all held, 1 something was found, 2 a run could not be made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RELEASE=2.15.1 FIXED_SEED=20261125
readonly QUALITY=artifacts/quality KEPT=artifacts/explored
readonly JUDGE=${CARGO_TARGET_DIR:-target}/release/nats-conformance
names=()
found=0

main() {
  local program seed=${SEED:-} again=ci/explore.sh
  case ${1-} in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; return ;;
    '') seed=${seed:-$FIXED_SEED} ;;
    *[!0-9.]* | *.*.* | .) echo "ci/explore.sh: '$1' is no number of minutes; see --help" >&2; exit 2 ;;
    *)
      seed=${seed:-$RANDOM$RANDOM}
      again+=" $1"
      ;;
  esac
  # As ci/check.sh does: of one package alone, features and so libraries would be others.
  cargo build --release --quiet --workspace --bins
  program=$(ci/servers.sh "$RELEASE")
  mkdir -p "$QUALITY"
  # A quarter of the time for each exploration, half of it for both servers side by side.
  told broker 6000 4 "${1-}" "$seed" explore --embedded
  told "nats-server-$RELEASE" 3000 4 "${1-}" "$seed" explore --server-bin "$program"
  told both 3500 2 "${1-}" "$seed" diff-run --a "$program" --b embedded \
    --known conformance/differences.toml
  {
    printf '{"command": "%s", "seed": %s, "date": "%s"' "$again" "$seed" "$(date -u +%FT%TZ)"
    for name in "${names[@]}"; do
      printf ',\n"%s": ' "$name"
      cat "$QUALITY/explore-$name.json"
    done
    printf '}\n'
  } >"$QUALITY/explore.json"
  for name in "${names[@]}"; do rm "$QUALITY/explore-$name.json"; done
  return "$found"
}

# Tells stories: so many, or for a part of the minutes.
told() {
  local name=$1 stories=$2 part=$3 minutes=$4 seed=$5 rc=0 limit
  shift 5
  limit=(--stories "$stories" --minutes 10)
  [[ -z $minutes ]] || limit=(--minutes "$(awk -v m="$minutes" -v p="$part" 'BEGIN { print m / p }')")
  echo "--- $name"
  "$JUDGE" "$@" --seed "$seed" "${limit[@]}" --keep "$KEPT" \
    --json "$QUALITY/explore-$name.json" || rc=$?
  case $rc in
    0) ;;
    1) found=1 ;;
    *) echo "ci/explore.sh: $name could not be told (exit code $rc)" >&2; exit 2 ;;
  esac
  names+=("$name")
}

main "$@"
