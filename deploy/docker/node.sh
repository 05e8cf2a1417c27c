#!/bin/sh
# Starts a node in a container: the founder makes the mesh and writes a ticket for each node that asks in the shared folder; the others ask,
# join with it, and from then on start as members. A ticket is a secret until it is used; it is removed once its node is in.
#   PARLEY_NAME            the node's name, unique in the mesh (required)
#   PARLEY_FOUNDS=1        this node founds the mesh PARLEY_MESH
#   PARLEY_PEERS           multiaddresses of the others, separated by spaces: names stay where addresses change
#   PARLEY_NATS, PARLEY_NATS_USER, PARLEY_NATS_PASSWORD, PARLEY_METRICS, PARLEY_SITE, PARLEY_LISTEN   as the options of `parley up`
set -eu
umask 077
data=${PARLEY_FOLDER:-/data}
tickets=${PARLEY_TICKETS:-/tickets}
parley=$(dirname "$0")/../../bin/parley.mjs

set -- --folder "$data" --name "${PARLEY_NAME:?is not set}" --site "${PARLEY_SITE:-local}" --listen "${PARLEY_LISTEN:-4101}"
if [ -n "${PARLEY_METRICS:-}" ]; then set -- "$@" --metrics "$PARLEY_METRICS"; fi
if [ -n "${PARLEY_NATS:-}" ]; then
  set -- "$@" --nats "$PARLEY_NATS"
  if [ -n "${PARLEY_NATS_USER:-}" ]; then
    mkdir -p "$data"
    printf '%s\n' "${PARLEY_NATS_PASSWORD:?is not set}" >"$data/nats-password"
    set -- "$@" --nats-user "$PARLEY_NATS_USER" --nats-password-file "$data/nats-password"
  fi
fi
unset PARLEY_NATS_PASSWORD

if [ "${PARLEY_FOUNDS:-}" = 1 ]; then
  if [ ! -e "$data/mesh.json" ]; then set -- "$@" --mesh-name "${PARLEY_MESH:-compose}"; fi
  (
    while sleep 1; do
      for wanted in "$tickets"/*.wanted; do
        [ -e "$wanted" ] || continue
        name=$(basename "$wanted" .wanted)
        if node "$parley" invite --folder "$data" -o json >"$tickets/$name.part" 2>/dev/null; then
          mv "$tickets/$name.part" "$tickets/$name.ticket"
          rm -f "$wanted"
        fi
      done
    done
  ) &
elif [ ! -e "$data/mesh.json" ]; then
  rm -f "$tickets/$PARLEY_NAME.ticket"
  : >"$tickets/$PARLEY_NAME.wanted"
  echo "waiting for a ticket in $tickets"
  while [ ! -e "$tickets/$PARLEY_NAME.ticket" ]; do sleep 1; done
  ticket=$(sed -n 's/.*"ticket": *"\([^"]*\)".*/\1/p' "$tickets/$PARLEY_NAME.ticket")
  rm -f "$tickets/$PARLEY_NAME.ticket"
  exec node "$parley" join "$ticket" "$@"
fi
for peer in ${PARLEY_PEERS:-}; do set -- "$@" --bootstrap "$peer"; done
exec node "$parley" up "$@"
