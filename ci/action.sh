#!/usr/bin/env bash
# The step of action.yml that judges: environment variables become options of `nats-conformance run`,
# the summary goes to the job's page, the exit code to the step's outputs and to the job.
set -euo pipefail

main() {
  local options=() words=() summary code=0
  while IFS= read -r line; do
    [[ -z $line ]] || options+=(--server-bin "$line")
  done <<<"${SERVER_BIN-}"
  add --server "${SERVER-}"
  add --target "${TARGET-}"
  add --json "${JSON-}"
  add --junit "${JUNIT-}"
  add --html "${HTML-}"
  # Split at blanks and line ends, but not expanded: a selector may hold `*`.
  read -r -d '' -a words <<<"${ARGUMENTS-} ${SELECTORS-}" || true
  options+=(${words[@]+"${words[@]}"})
  summary=$(mktemp)
  "$PROGRAM" run "${options[@]}" --markdown "$summary" || code=$?
  cat "$summary" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
  rm -f "$summary"
  echo "exit-code=$code" >>"${GITHUB_OUTPUT:-/dev/null}"
  exit "$code"
}

# An option, if its value isn't empty.
add() {
  [[ -z $2 ]] || options+=("$1" "$2")
}

main
