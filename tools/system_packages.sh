#!/bin/sh
# The system libraries for headless rendering, of librealsense and of OpenCV: installed where that is allowed, else named
# in one line. Without those for rendering the simulator falls back to ray-cast depth, slower but with equal results.
needed="libegl1 libgl1 libusb-1.0-0 libglib2.0-0"
command -v dpkg-query >/dev/null || exit 0
missing=$(for package in $needed; do dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"; done)
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >/dev/null 2>&1; then
    echo "installed for rendering, cameras and calibration: $missing"
else
    echo "note: for fast headless rendering, cameras and calibration run 'sudo apt-get install $missing'; without GL depth is ray-cast."
fi
