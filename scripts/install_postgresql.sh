#!/usr/bin/env bash
# Install Debian's PostgreSQL for the tests that keep a study in one; they start a server of their own for each test.
# Where it cannot be installed this says so and succeeds: those tests are then skipped.
#
# Usage: scripts/install_postgresql.sh
set -uo pipefail

there() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null; }
skip() { echo "install_postgresql: $*; the tests with PostgreSQL are skipped" >&2; exit 0; }

if there; then exit 0; fi
command -v apt-get >/dev/null || skip "there is no apt-get"
((EUID == 0)) || skip "only root may install it (apt-get install postgresql)"
echo "install_postgresql: downloading PostgreSQL (about 60 MB)"
export DEBIAN_FRONTEND=noninteractive
# the package makes a server that starts with the machine; nobody asked for that one
if [[ ! -e /etc/postgresql-common/createcluster.conf ]]; then
  mkdir -p /etc/postgresql-common
  echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
fi
install() { apt-get install --yes --quiet --quiet --no-install-recommends -o Dpkg::Options::=--force-confold postgresql >/dev/null; }
install || { apt-get update --quiet --quiet && install; } || skip "apt-get failed"
there || skip "the package has no initdb"
