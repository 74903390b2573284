#!/bin/sh
# Makes one cluster of the nodes given as host:port, half of them replicas; once. The first one is asked whether that is done.
set -eu

first_host=${1%:*}
first_port=${1##*:}
if ! redis-cli -h "$first_host" -p "$first_port" cluster info | tr -d '\r' | grep -qx 'cluster_known_nodes:1'; then
  echo 'the Redis cluster is formed'
  exit 0
fi
exec redis-cli --cluster create "$@" --cluster-replicas 1 --cluster-yes
