#!/bin/sh
# Remove from installed packages what no step of Streetloop reads at run time: C++ headers (TensorFlow's
# take 430 MB), libclang (only TensorFlow's API generator uses it) and the packages' own tests.
#
#   trim.sh SITE_PACKAGES
set -eu
site=$1
[ -d "$site/tensorflow" ] || { echo "error: no tensorflow in $site" >&2; exit 1; }
rm -rf "$site/tensorflow/include" "$site/clang"
find "$site" -type d -name tests -prune -exec rm -rf {} +
find "$site" -type f -name '*.a' -delete
