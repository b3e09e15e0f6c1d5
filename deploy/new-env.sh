#!/bin/sh
# Creates deploy/.env from deploy/env.example, with new passwords. An existing one stays: the databases have its
# passwords.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
    echo "deploy/.env exists already, and stays as it is" >&2
    exit 0
fi
umask 077
while IFS= read -r line; do
    case $line in
        STACK_*_PASSWORD=) printf '%s%s\n' "$line" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" ;;
        *) printf '%s\n' "$line" ;;
    esac
done <env.example >.env.new
mv .env.new .env
echo "deploy/.env is ready: docker compose --env-file deploy/.env up -d --build" >&2
