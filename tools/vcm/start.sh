#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Start vcm.py, and install Python first if it is missing. common/deps.py installs the other tools.
if ! command -v python3 >/dev/null; then
	install="apt-get install -y --no-install-recommends python3"
	if ! command -v apt-get >/dev/null; then
		echo "python3 is missing, and this machine has no apt to install it" >&2
		exit 1
	elif [ "$(id -u)" = 0 ]; then
		apt-get update && $install
	elif command -v sudo >/dev/null; then
		sudo apt-get update && sudo $install
	else
		echo "python3 is missing; as root, type: $install" >&2
	fi
	command -v python3 >/dev/null || exit 1
fi
exec python3 "$(dirname "$0")/vcm.py" "$@"
