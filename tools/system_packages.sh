#!/bin/sh
# The system packages that pip cannot bring, for what is named ("runtime" or "tests"): installed where that is allowed,
# else named in one line. All works without them, if less well.
case $1 in
runtime)
    packages="libegl1 libgl1 libusb-1.0-0 libglib2.0-0"
    purpose="rendering, cameras and calibration"
    without="without GL depth is ray-cast, slower but with equal results"
    ;;
tests)
    packages="chromium-headless-shell"
    purpose="the tests of web pages"
    without="without any Chromium they are skipped"
    for browser in chromium chromium-browser google-chrome; do
        command -v $browser >/dev/null && exit 0
    done
    ;;
*)
    echo "usage: $0 runtime|tests" >&2
    exit 2
    ;;
esac
command -v dpkg-query >/dev/null || exit 0
missing=$(for package in $packages; do dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"; done)
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >/dev/null 2>&1; then
    echo "installed for $purpose: $missing"
else
    echo "note: for $purpose run 'sudo apt-get install $missing'; $without."
fi
