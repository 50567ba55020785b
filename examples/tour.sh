#!/usr/bin/env bash
# Five minutes with curl, against what `make run` started: block, look up, acknowledge, release, ask what became of it.
set -euo pipefail
blocklist=${BLOCKLIST_URL:-http://127.0.0.1:8000}
notifier=${NOTIFIER_URL:-http://127.0.0.1:8001}
reference=${1:-tour-$(date +%s)}

step() { printf '\n# %s\n' "$1"; }
post() { curl -sS --fail-with-body -H 'Content-Type: application/json' "$@"; echo; }

step "An enforcement point for India, which answers within a minute"
curl -sS --fail-with-body -X PUT -H 'Content-Type: application/json' "$notifier/v1/enforcement-points/search" \
  -d '{"jurisdictions": ["IN"], "ack_within_seconds": 60}'
echo

step "An emergency directive, as a ministry writes it: three ways to name things, one of them twice"
answer=$(post "$blocklist/v1/directives" -H "Idempotency-Key: $reference" -d '{
  "authority": "in-meity", "reference": "'"$reference"'", "legal_basis": "in-it-act-69a-emergency", "kind": "block",
  "issued_at": "2021-01-31T06:00:00Z", "jurisdictions": ["IN"], "reason": "Public order",
  "targets": ["@Acct_42", " https://mobile.twitter.com/ACCT_42?lang=en", "＃Farmers", "https://x.com/acct_7/status/1356205394937972623?s=20"]}')
echo "$answer"
directive=$(sed -E 's/.*"id":"(dir_[0-9a-f]+)".*/\1/' <<<"$answer")

step "Is it withheld? Everywhere in India, so in Punjab, too"
curl -sS "$blocklist/v1/withholdings/account:acct_42"
echo
post "$blocklist/v1/withholdings/check" -d '{"jurisdiction": "IN-PB", "targets": ["@acct_42", "@somebody_else"]}'

step "The point reports what it applied (over HTTP here; examples/enforcement_point.py does it on Kafka)"
sleep 1
post "$notifier/v1/enforcements/ack" -d '{"point": "search", "items": [
  {"target": "account:acct_42", "jurisdiction": "IN", "version": 1, "state": "applied", "at": "'"$(date -u +%FT%TZ)"'"}]}'

step "The platform restores one account on its own decision: a memo and two different approvers"
before=$(date -u +%FT%T.%6NZ)
answer=$(post "$blocklist/v1/releases" -d '{"cause": "platform_decision", "directive": "'"$directive"'", "targets": ["@acct_42"],
  "jurisdictions": ["IN"], "memo": "A journalist", "approvers": ["asha", "bo"]}')
echo "$answer"
batch=$(sed -E 's/.*"batch":"(bat_[0-9a-f]+)".*/\1/' <<<"$answer")

step "What would taking that back do? A rehearsal; and who held the account before"
post "$blocklist/v1/batches/$batch/undo" -d '{"memo": "Was it right?", "dry_run": true}'
curl -sS "$blocklist/v1/withholdings/account:acct_42?as_of=$before"
echo

step "What became of the directive, and what it may cost"
sleep 1
curl -sS "$notifier/v1/directives/$directive/compliance"
echo
curl -sS "$notifier/v1/jurisdictions/IN"
echo

step "A removal order of the European Union: one hour, which stands still while the platform asks what is meant"
answer=$(post "$blocklist/v1/directives" -d '{
  "authority": "eu-tco-authority", "reference": "'"$reference"'", "legal_basis": "eu-tco", "kind": "block",
  "issued_at": "'"$(date -u +%FT%TZ)"'", "jurisdictions": ["DE", "FR"], "reason": "Instructs on explosives", "targets": ["@acct_42"]}')
removal=$(sed -E 's/.*"id":"(dir_[0-9a-f]+)".*/\1/' <<<"$answer")
post "$blocklist/v1/directives/$removal/replies" -d '{"kind": "clarification_request", "text": "Which post?"}'
sleep 1
curl -sS "$notifier/v1/clocks?jurisdiction=DE&duty=restrict"
echo

step "A court stays it: what it claims does not count until that is taken back"
post "$blocklist/v1/directives/$removal/decisions" -d '{"decision": "comply", "targets": "all"}'
post "$blocklist/v1/directives/$removal/stay" -d '{"targets": "all", "court": "VG Wiesbaden"}'
