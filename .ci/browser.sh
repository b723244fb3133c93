#!/usr/bin/env bash
# Makes sure that there is a Chromium for the browser tests: the one that ZSCOPE_CHROMIUM names, one that is installed,
# or Debian's, fetched where we may install packages.
set -euo pipefail

if [ -n "${ZSCOPE_CHROMIUM:-}" ]; then
  [ -x "$ZSCOPE_CHROMIUM" ] || { echo "ZSCOPE_CHROMIUM names $ZSCOPE_CHROMIUM, which is no program" >&2; exit 1; }
  exit 0
fi
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
else
  echo "the browser tests need Chromium: install it, or name it by ZSCOPE_CHROMIUM=/path/to/chromium" >&2
  exit 1
fi
