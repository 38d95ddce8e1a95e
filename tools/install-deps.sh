#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs the Debian packages that building, testing and running this project needs.
#
# Uses apt-get as root, or by sudo; does nothing if nothing is missing. This is the only list of them.
set -euo pipefail

packages=(
    # Building: compilers, build system, libraries.
    build-essential pkg-config meson ninja-build python3 glslc
    libglib2.0-dev libjson-glib-dev libvulkan-dev
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libpango1.0-dev
    # Testing: the test framework, and Vulkan's validation layer.
    check vulkan-validationlayers
    # Training, converting and measuring models, which the tests do with a small one.
    python3-torch libopenblas0-pthread python3-numpy python3-pil python3-matplotlib
    # Running: a Vulkan driver (of GPUs and of the CPU), and what reads, shows and writes videos.
    mesa-vulkan-drivers gstreamer1.0-tools
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav fonts-dejavu-core
)

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system: packages are left alone. What is needed has these names in Debian 12:"
    echo "  ${packages[*]}"
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=absent
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

install=(apt-get install -y --no-install-recommends "${missing[@]}")
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    # Ask for a password only where somebody can type one.
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root=(sudo)
    else
        echo "These packages are missing, and installing them takes root or sudo. Run as root:" >&2
        echo "  apt-get update && ${install[*]}" >&2
        exit 1
    fi
fi

echo "Installing with apt-get${as_root[0]:+ through sudo}: ${missing[*]}"
apt() {
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive "$@" -q </dev/null
}
if ! { apt apt-get update && apt "${install[@]}"; }; then
    echo "apt-get failed: are the network and /etc/apt/sources.list in order?" >&2
    exit 1
fi
