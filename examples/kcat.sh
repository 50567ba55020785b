#!/usr/bin/env bash
# What is on the topics, with keys and CloudEvents headers. `kcat` is a package of most distributions.
set -euo pipefail
bootstrap=${KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:9092}

echo "# Each change of a withholding: key, headers, the full new state"
kcat -q -b "$bootstrap" -t geowithhold.withholdings.v1 -C -e -f '%k %h %s\n'

echo "# What happened to directives"
kcat -q -b "$bootstrap" -t geowithhold.directives.v1 -C -e -f '%k %s\n'

echo "# What enforcement points reported"
kcat -q -b "$bootstrap" -t geowithhold.enforcements.v1 -C -e -f '%k %s\n'
